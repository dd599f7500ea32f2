"""The mutants of crashes and of full stores: what only dying in the right moment shows."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

CORE = "core/src/gofastr_queue"
SQL = "plugins/sql/src/gofastr_queue_sql"
FAULTS = "tests/faults"

CRASHES = [
    Mutant(
        1,
        "crashes: statements of one transaction in postgres commit one by one",
        f"{SQL}/postgres_steps.py",
        "    with connection.transaction():\n        yield\n        before_commit()\n",
        "    yield\n    before_commit()\n",
        f"{FAULTS}/test_matrix_postgres.py -k commit.before",
    ),
    Mutant(
        1,
        "crashes: statements sent together to postgres commit one by one",
        f"{SQL}/postgres_steps.py",
        "    with connection.pipeline():\n        yield\n        before_commit()\n",
        "    yield\n    before_commit()\n",
        f"{FAULTS}/test_matrix_postgres.py -k commit.before",
    ),
    Mutant(
        1,
        "crashes: a schema in sqlite is made by halves",
        f"{SQL}/sqlite_tables.py",
        "        step(database, table)\n",
        '        step(database, table)\n        database.execute("COMMIT")\n'
        '        database.execute("BEGIN")\n',
        f"{FAULTS}/test_matrix_sqlite.py -k migrate",
    ),
    Mutant(
        10,
        "full: a claim without room keeps acks from being heard",
        f"{CORE}/worker/pool.py",
        "        if isinstance(error, StoreFull):",
        "        if False:",
        f"{FAULTS}/test_full.py -k worker",
    ),
]
