"""What the preset `safety` says of SQL: what takes data away is for people, all other is work."""

from typing import Any

import pytest

from proxy.policy.loader import load
from tests.policy.test_known_defects import PRESETS, ruled


@pytest.fixture(scope="module")
def safety() -> Any:
    return load(PRESETS / "safety.yaml")


DENIED = [
    ";DROP TABLE x", "# c\nDROP TABLE x", "\ufeffDROP TABLE x", "/*! DROP TABLE x */",
    "DECLARE x int; DROP TABLE y", "LOCK TABLE x; DROP TABLE x", "VALUES (1); DROP TABLE x",
    "IF 1=1 DROP TABLE x", "PREPARE s AS DELETE FROM x; EXECUTE s", "EXECUTE IMMEDIATE 'DROP TABLE x'",
    "DELETE FROM x WHERE 2>1", "DELETE FROM x WHERE NOT false", "DELETE FROM x WHERE 1 IN (1)",
    "ALTER TABLE x TRUNCATE PARTITION p", "(((DROP TABLE x", "start transaction; drop table x; commit",
]  # fmt: skip
ALLOWED = [
    "SELECT * FROM x", "DELETE FROM x WHERE id = 1", "UPDATE x SET a = 1 WHERE id = 1",
    "INSERT INTO x VALUES ('DROP TABLE y')", "SELECT 'a;b' FROM x", "how do I drop a table?",
    "CREATE TABLE x (id int REFERENCES y ON DELETE CASCADE)", "GRANT SELECT, DELETE ON x TO y",
    "PREPARE s AS SELECT * FROM x WHERE id = $1; EXECUTE s(1)", "DELETE FROM x WHERE id IN (1, 2)",
    "DELETE FROM x WHERE false", "if the build fails, whom do I ask?", "values that drop",
    "start transaction; update x set a = 1 where id = 2; commit", "DELETE FROM x WHERE id = $1",
    "SELECT * FROM dropped", "ALTER TABLE x ADD COLUMN y int", "EXPLAIN SELECT 1", "SHOW TABLES",
    "WITH a AS (SELECT 1) SELECT * FROM a", "begin; insert into x values (1); commit",
]  # fmt: skip


@pytest.mark.parametrize("text", DENIED)
@pytest.mark.parametrize("key", ["query", "statement", "sql"])
def test_what_takes_data_away_is_denied(safety: Any, key: str, text: str) -> None:
    assert ruled(safety, "mcp__db__run", {key: text}).decision == "deny"


@pytest.mark.parametrize("text", ALLOWED)
def test_all_other_is_let_through(safety: Any, text: str) -> None:
    found = ruled(safety, "mcp__db__run", {"query": text})
    assert found.passes, found.rule


@pytest.mark.parametrize(
    "arguments",
    [
        *({key: "DROP TABLE x"} for key in (
            "sql_query", "sqlQuery", "rawSql", "raw_sql", "stmt", "queryString", "query-string", "SQL",
        )),
        {"arguments": '{"sql": "DROP TABLE x"}'},
        {"payload": '{"queries": ["SELECT 1", "DROP TABLE x"]}'},
    ],
)  # fmt: skip
def test_sql_is_found_under_many_names(safety: Any, arguments: dict[str, Any]) -> None:
    for tool in ("mcp__db__run", "run_it"):
        assert ruled(safety, tool, arguments).decision == "deny"


@pytest.mark.parametrize(
    ("command", "decision"),
    [
        ('echo "DROP TABLE x" | docker exec -i db psql', "deny"),
        ("docker exec db psql -U me -c 'TRUNCATE TABLE x'", "deny"),
        ("docker compose exec -T db mysql -e 'DROP TABLE x'", "deny"),
        ("docker exec db psql -c 'SELECT 1'", "allow"),
        ('echo "DROP TABLE x" | docker exec -i db cat', "allow"),
    ],
)
def test_a_client_in_a_container_is_a_client(safety: Any, command: str, decision: str) -> None:
    assert ruled(safety, "Bash", {"command": command}).decision == decision


@pytest.mark.parametrize(
    "arguments",
    [
        {"sql_dialect": "postgres", "query": "find users"},
        {"search_query": "drop table x", "topic": "databases"},
        {"queryString": "how to drop a table"},
        {"body": '{"text": "DROP TABLE x"}'},
    ],
)
def test_what_only_speaks_of_it_is_let_through(safety: Any, arguments: dict[str, Any]) -> None:
    assert ruled(safety, "mcp__x__ask", arguments).passes
