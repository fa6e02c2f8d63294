"""When sessions were used, and how far each gateway and control process has been heard."""

import time

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    for name in ("session_activity", "activity_source"):
        op.create_table(
            name,
            sa.Column("id", sa.Text, nullable=False),
            sa.Column("at", sa.Double, nullable=False),
            sa.PrimaryKeyConstraint("id", name=f"pk_{name}"),
        )
    # Of sessions that are open nothing was heard so far: they count as used now.
    op.execute(
        sa.text(
            "INSERT INTO session_activity (id, at)"
            " SELECT id, :now FROM snapshot_document WHERE kind = 'session'"
        ).bindparams(sa.bindparam("now", time.time(), sa.Double))
    )
