"""The migrations add up to the tables that the code uses."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from doorward.adapters.store import open_store
from doorward.adapters.store.migrate import alembic_config, upgrade
from doorward.adapters.store.tables import decision, metadata
from doorward.administrator.directory.conditions import Compare, Query
from doorward.errors import DoorwardError
from doorward.model.ids import UserId

HEAD = "0020"


def sync_engine(url: str) -> sqlalchemy.Engine:
    return sqlalchemy.create_engine(url.replace("postgresql:", "postgresql+psycopg:"))


def not_of_one_database(name: str | None, _kind: str, _parents: object) -> bool:
    """Indexes of substrings, which each database has in a way of its own."""
    own = (
        "directory_named",
        "directory_trigram",
        "directory_letters",
        "ix_directory_entry_trigram",
    )
    return not (name or "").startswith(own)


def test_migrations_add_up_to_the_tables(store_url: str) -> None:
    engine = sync_engine(store_url)
    with engine.connect() as connection:
        options = {"compare_type": True, "include_name": not_of_one_database}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_upgrading_twice_changes_nothing(store_url: str) -> None:
    upgrade(store_url)
    test_migrations_add_up_to_the_tables(store_url)


def test_a_store_of_the_first_version_keeps_its_records(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'doorward.db'}"
    engine = sync_engine(url)
    with engine.begin() as connection:
        command.upgrade(alembic_config(connection), "0001")
        row = dict.fromkeys((column.name for column in decision.columns), "x")
        connection.execute(decision.insert().values(row | {"seq": 7, "at": 1.5}))
    upgrade(url)
    with engine.begin() as connection:
        assert connection.execute(sqlalchemy.select(decision.c.seq)).scalars().all() == [7]
    engine.dispose()


def test_a_store_of_a_newer_version_is_refused(store_url: str) -> None:
    def stamp(before: str, after: str) -> None:
        with engine.begin() as connection:
            statement = "UPDATE alembic_version SET version_num = :after WHERE version_num = :old"
            connection.execute(sqlalchemy.text(statement), {"after": after, "old": before})

    engine = sync_engine(store_url)
    stamp(HEAD, "9999")
    try:
        with pytest.raises(DoorwardError, match="store-newer"):
            upgrade(store_url)
    finally:
        stamp("9999", HEAD)
        engine.dispose()


@pytest.mark.parametrize("url", ["", "nonsense", "mysql://x/y", "sqlite://", "sqlite:///:memory:"])
def test_a_url_of_another_kind_is_refused_and_not_shown(url: str) -> None:
    for use in (open_store, upgrade):
        with pytest.raises(DoorwardError, match="store-url-invalid"):
            use(url)


@pytest.mark.parametrize("search_path", ["public", "public, ext"])
def test_trigrams_of_another_schema_are_used(postgresql: str, search_path: str) -> None:
    server = sync_engine(postgresql).execution_options(isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.exec_driver_sql("DROP DATABASE IF EXISTS elsewhere")
        connection.exec_driver_sql("CREATE DATABASE elsewhere")
        connection.exec_driver_sql(f"ALTER DATABASE elsewhere SET search_path TO {search_path}")
    server.dispose()
    url = postgresql.replace("/postgres?", "/elsewhere?")
    engine = sync_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE SCHEMA ext")
        connection.exec_driver_sql("CREATE EXTENSION pg_trgm SCHEMA ext")
    upgrade(url)
    with engine.connect() as connection:
        indexes = sqlalchemy.inspect(connection).get_indexes("directory_entry")
    engine.dispose()
    assert "ix_directory_entry_trigram" in [index["name"] for index in indexes]


async def test_names_of_an_earlier_index_are_found_by_one_letter(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'doorward.db'}"
    engine = sync_engine(url)
    put = (
        "INSERT INTO directory_entry (id, kind, version, created, modified, changed_by,"
        " display_name) VALUES ('{0}', 'user', 1, 1.0, 1.0, 'service:idp', '{1}')"
    )
    with engine.begin() as connection:
        command.upgrade(alembic_config(connection), "0018")
        for entry_id, name in (("a", "wang 王"), ("b", "le"), ("c", "ann")):
            connection.exec_driver_sql(put.format(entry_id, name))
            connection.exec_driver_sql(f"INSERT INTO directory_body VALUES ('{entry_id}', '{{}}')")
    engine.dispose()
    upgrade(url)
    store = open_store(url)
    for text, found in (("王", ["a"]), ("e", ["b"]), ("le", ["b"]), ("an", ["a", "c"])):
        page = await store.directory.find(
            Query(where={"user": Compare("display_name", "co", text)})
        )
        assert [item.id for item in page.entries] == found
    async with store.transaction() as transaction:
        await transaction.directory.remove(page.entries[1])
    page = await store.directory.find(Query(where={"user": Compare("display_name", "co", "an")}))
    assert [item.id for item in page.entries] == ["a"]
    await store.close()


async def test_people_of_the_second_version_still_sign_in(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'doorward.db'}"
    engine = sync_engine(url)
    session = (
        '{"id":"s","user":"ada","started_at":1.0,"expires_at":9.0,"authenticated_at":1.0,'
        '"methods":["passkey"],"phishing_resistant":true,"multi_factor":true,"address":"::1",'
        '"user_agent":"x","risk":0}'
    )
    user = '{"id":"ada","name":"Ada","email":"ada@example.org","groups":[],"roles":[]}'
    rows = (
        ("passkey", "'i', 'ada', 'Laptop', x'01', 3, '[\"usb\"]', x'00', 1.0, 2.0"),
        ("password", "'ada', 'hash'"),
        ("totp", "'ada', x'02', 7"),
        ("snapshot_document", f"'user', 'ada', '{user}', 1"),
        ("snapshot_document", f"'session', 's', '{session}', 1"),
        ("snapshot_document", "'standing', 'ada', '{\"id\":\"ada\",\"disabled\":true}', 1"),
        ("meta", "'snapshot-number', '1'"),
    )
    with engine.begin() as connection:
        command.upgrade(alembic_config(connection), "0002")
        for table, values in rows:
            connection.exec_driver_sql(f"INSERT INTO {table} VALUES ({values})")
    engine.dispose()
    upgrade(url)
    store = open_store(url)
    snapshot = await store.load()
    assert snapshot.users["ada"].source == "estate"
    assert snapshot.sessions["s"].aal == 1
    assert snapshot.standings["ada"].disabled
    async with store.transaction() as transaction:
        credentials = transaction.credentials
        [passkey] = await credentials.passkeys(UserId("ada"))
        assert (passkey.name, passkey.sign_count, passkey.attested) == ("Laptop", 3, False)
        assert await credentials.password(UserId("ada")) is not None
        assert await credentials.totp(UserId("ada")) is not None
    await store.close()
