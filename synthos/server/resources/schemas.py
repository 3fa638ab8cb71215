"""What comes out of ``/resources``."""

from __future__ import annotations

from pydantic import BaseModel, Field

from synthos.server.ids import Moment


class Resource(BaseModel):
    """One of them, on all machines that have workers."""

    total: float
    in_use: float = Field(description="by whatever runs there")
    kept_free: float = Field(description="what jobs leave free of the total")
    available: float = Field(description="what jobs may still have")


class Worker(BaseModel):
    """A process that runs jobs."""

    worker_id: str
    capacity: int = Field(description="jobs at once")
    running: int
    started_at: Moment
    beat_at: Moment = Field(description="when it was heard of last")


class Workers(BaseModel):
    """All of them."""

    total: int
    capacity: int = Field(description="jobs at once, all together")
    running: int = Field(description="jobs under way")
    items: list[Worker]


class Queue(BaseModel):
    """Jobs of all users."""

    queued: int
    running: int


class ResourcesStatus(BaseModel):
    """What there is, and what is in use."""

    headroom: float = Field(description="share of each resource that jobs leave free", examples=[0.2])
    cpu: Resource = Field(description="processors")
    memory: Resource = Field(description="bytes")
    gpu: Resource = Field(description="devices, in use as far as their memory is")
    workers: Workers
    queue: Queue
