-- Which version each queue's table has.
CREATE TABLE IF NOT EXISTS {versions} (
    queue text COLLATE "C" PRIMARY KEY,
    version integer NOT NULL
)
