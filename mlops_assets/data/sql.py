"""Read a table with one SQL query."""

import datetime
import os

import pandas as pd

from mlops_assets.data.source_error import NoRowsError, SourceError
from mlops_assets.errors import EmptyDayError

CONNECT_SECONDS = 10


def read_sql(
    query: str, url_env: str, timeout_seconds: float, date: datetime.date | None
) -> pd.DataFrame:
    """The rows of ``query``, with ``:date`` bound to the day.

    One statement sees one state of the database, so the table cannot change while it is read.

    Raises:
        EmptyDayError: the query has no row for the day.
        SourceError: the query or the connection fails, or takes longer than ``timeout_seconds``
            (PostgreSQL stops the query; other databases go by the settings in their URL).
    """
    import sqlalchemy as sa
    from sqlalchemy import exc

    url = os.environ.get(url_env)
    if not url:
        raise SourceError(
            f"the environment variable {url_env} is not set. Set it to the database's SQLAlchemy "
            "URL, for example postgresql://user:password@host/database."
        )
    statement = sa.text(query)
    _check_parameters(set(statement.compile().params), date)
    if date is not None:
        # By SQLAlchemy's own type: the driver of SQLite is about to know none any more.
        statement = statement.bindparams(sa.bindparam("date", type_=sa.Date()))
    try:
        engine = sa.create_engine(url, poolclass=sa.NullPool, **_options(url, timeout_seconds))
        with engine.connect() as connection:
            parameters = {} if date is None else {"date": date}
            # As floats, long ids of a `numeric` column would be taken for their neighbours.
            frame = pd.read_sql_query(statement, connection, params=parameters, coerce_float=False)
    except (exc.ArgumentError, exc.NoSuchModuleError, ImportError) as error:
        # Nothing of the URL is shown: it may hold a password.
        raise SourceError(
            f"the URL in {url_env} cannot be used ({type(error).__name__}). Write it as "
            "postgresql://user:password@host/database, and install its driver."
        ) from error
    except exc.DBAPIError as error:
        raise SourceError(_explained(error, url_env, timeout_seconds)) from error
    if frame.empty and date is not None:
        raise EmptyDayError(f"the query has no row of {date}.")
    if frame.empty:
        raise NoRowsError(f"the query has no row in the database of {url_env}. Correct `query`.")
    return frame


def _check_parameters(names: set[str], date: datetime.date | None) -> None:
    if unknown := sorted(names - {"date"}):
        raise SourceError(
            f"the query has the unknown parameter(s) {', '.join(unknown)}. Use :date only; write a "
            r"colon that is none as \:."
        )
    if date is None and names:
        raise SourceError("the query of a table for all rows has no day. Leave :date out of it.")
    if date is not None and not names:
        raise SourceError(
            "the query has the same rows every day. Use :date in it, as in WHERE day = :date."
        )


def _options(url: str, timeout_seconds: float) -> dict[str, object]:
    """How PostgreSQL is told to give up in time, and to change nothing."""
    import sqlalchemy as sa

    if sa.make_url(url).get_backend_name() != "postgresql":
        return {}
    limits = f"-c statement_timeout={int(timeout_seconds * 1000)}"
    return {
        "connect_args": {
            "connect_timeout": CONNECT_SECONDS,
            "options": f"{limits} -c default_transaction_read_only=on",
        }
    }


def _explained(error: Exception, url_env: str, timeout_seconds: float) -> str:
    """What went wrong, without a value of any row."""
    from sqlalchemy import exc

    original = getattr(error, "orig", None)
    if getattr(original, "sqlstate", None) == "57014":
        return (
            f"the query took longer than {timeout_seconds:g} seconds. Make it faster (an index on "
            "the day?), or raise `timeout_seconds`."
        )
    told = isinstance(error, exc.OperationalError | exc.ProgrammingError)
    # The text of other errors (a value that does not fit its type) may quote a row.
    text = str(original).strip().splitlines()[0][:200] if told and original else ""
    reason = f"{type(original).__name__}: {text}" if text else type(original).__name__
    return (
        f"the database of {url_env} refused ({reason}). Correct `query`, or see that the database "
        f"answers and that the user and password in {url_env} are right."
    )
