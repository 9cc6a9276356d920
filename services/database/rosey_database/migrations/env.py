"""What Alembic runs: the migrations, on the connection that it is given, as one transaction with their version.

``rosey_database.migrations.migration`` gives the connection. To begin a new revision, see CONTRIBUTING.
"""

from __future__ import annotations

from alembic import context

from rosey_database.migrations import VERSION_TABLE
from rosey_database.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
