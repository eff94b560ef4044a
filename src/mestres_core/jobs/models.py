"""Jobs, and the files that they make, in parts."""

from sqlalchemy import JSON, BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, String, Table

from mestres_core.db.base import PREFIX, Id, UtcDateTime, metadata

job = Table(
    f"{PREFIX}job",
    metadata,
    Column("id", String(64), primary_key=True),  # whoever knows it may not read it: it only cannot be guessed
    Column("kind", String(20), nullable=False),
    Column("arguments", JSON, nullable=False),
    Column("status", String(12), nullable=False),  # queued, running, done, failed
    Column("done", Integer, nullable=False),
    Column("total", Integer),  # unknown until it is counted
    Column("errors", JSON, nullable=False),  # the first of them: [row, field, reason, data]
    Column("error_count", Integer, nullable=False),
    Column("result_size", BigInteger),  # bytes; NULL until there is a result
    Column("input", LargeBinary),
    Column("attempts", Integer, nullable=False),  # also the number of the worker that may write
    Column("leased_until", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Column("started_at", UtcDateTime),
    Column("finished_at", UtcDateTime),
    Index("ix_mc_job_status_leased_until", "status", "leased_until"),
    Index("ix_mc_job_finished_at", "finished_at"),
)

part = Table(
    f"{PREFIX}job_part",
    metadata,
    Column("job_id", String(64), ForeignKey(f"{PREFIX}job.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Id, primary_key=True, autoincrement=False),
    Column("data", LargeBinary, nullable=False),
)
