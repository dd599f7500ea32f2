-- Which of these are there?
SELECT
    to_regnamespace('"{schema}"') IS NOT NULL,
    to_regclass('{versions}') IS NOT NULL,
    to_regclass('{table}') IS NOT NULL
