"""The whole service on one machine: Ray, the API on Ray Serve, and workers, each a process that is kept running.

What dies is started again after a while that grows with every death. Where Ray dies, what lives in it goes too, and
workers give back what they had on it. On SIGTERM or SIGINT, workers give their jobs back, replicas finish their
answers, and Ray ends last.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Event
from urllib.error import URLError
from urllib.request import urlopen

import psutil
import structlog

from synthos.errors import ConfigError
from synthos.server.db.migrate import current
from synthos.server.guard import adopt_orphans
from synthos.server.keys import load_keys
from synthos.server.parts import DASHBOARD, TOKEN, Part, environment, free_port, parts
from synthos.server.settings import Settings
from synthos.server.storage.opening import open_storage

#: Between looks at the processes, in seconds.
LOOK = 0.2
#: First and longest wait before something that died is started again, in seconds; a life of ``CALM`` forgets deaths.
WAIT, LONGEST_WAIT, CALM = 0.5, 30.0, 60.0
#: Time that workers and replicas together have to end, and then Ray, in seconds.
DRAIN, RAY_ENDS = 25.0, 3.0
#: Between two looks for orphans and at the API, and how long that may say nothing before Ray begins anew, in seconds.
ROUND, SILENCE = 2.0, 120.0
#: Seconds that the API has for an answer, and for one that may be the last that is waited for.
SOON, LATE = 2.0, 15.0
_log = structlog.get_logger("synthos.platform")


class Platform:
    """Starts the parts, keeps them running until told to stop, and ends them in order.

    Parameters
    ----------
    settings : where it listens and how many workers there are.
    config : the file that they came from, for the processes that read it again.
    folder : for what is temporary; sockets lie in it.
    """

    def __init__(self, settings: Settings, config: Path | None, folder: Path) -> None:
        self.settings = settings
        self.port = settings.port or free_port()
        self._environment = environment(settings, config, folder, self.port)
        self._parts = parts(settings, folder, self._environment)
        self._stop = Event()
        self._looked = self._heard = 0.0

    @property
    def address(self) -> str:
        """Where the API answers."""
        return f"http://{self.settings.host}:{self.port}"

    @property
    def dashboard(self) -> tuple[str, str]:
        """Where Ray's dashboard answers, which takes jobs too, and the file that holds its token."""
        return self._environment[DASHBOARD], self._environment[TOKEN]

    def run(self, ready: Callable[[str], None]) -> None:
        """Keep everything running until ``stop``; ``ready`` hears the address once the API answers."""
        told = False
        try:
            while not self._stop.is_set():
                self._look_after()
                if not told and self._answers("/readyz"):
                    told = True
                    ready(self.address)
                self._stop.wait(LOOK)
        finally:
            self._end()

    def stop(self) -> None:
        """Ask ``run`` to end; safe in a signal handler."""
        self._stop.set()

    def pids(self) -> dict[str, int]:
        """The running processes by the names of their parts."""
        return {part.name: part.process.pid for part in self._parts if part.process is not None and part.runs}

    def _look_after(self) -> None:
        now = time.monotonic()
        for part in self._parts:
            if part.process is not None and not part.runs:
                self._bury(part, now)
        running = {part.name for part in self._parts if part.runs}
        for part in self._parts:
            ready = part.process is None and now >= part.due and (part.needs is None or part.needs in running)
            if ready and (part.needs is None or self._ray_answers()):
                self._start(part, now)
        if now - self._looked >= ROUND:
            self._looked = now
            self._kill_orphans()
            self._listen(now)

    def _listen(self, now: float) -> None:
        """Where the API says nothing for long, whatever may be the matter, Ray goes and all that lives in it."""
        (ray,) = (part for part in self._parts if part.needs is None)
        self._heard = max(self._heard, *(part.started for part in self._parts if part is ray or part.dies_too))
        # The longer nothing was heard, the longer an answer may take: one that is slow is no silence.
        if self._answers("/livez", SOON if now - self._heard < SILENCE / 2 else LATE):
            self._heard = now
        elif ray.process is not None and now - self._heard > SILENCE:
            _log.error("the API is silent")
            _kill_group(ray.process)

    def _start(self, part: Part, now: float) -> None:
        logs = self.settings.data_folder / "logs"
        logs.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (logs / f"{part.name}.log").open("ab") as log:
            # A group of its own: Ctrl-C reaches this process alone, which ends the others in order.
            part.process = subprocess.Popen(
                part.command,
                env=part.environment(self._environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        part.started, part.told = now, False
        _log.info("started", part=part.name, pid=part.process.pid, deaths=part.deaths)

    def _bury(self, part: Part, now: float) -> None:
        assert part.process is not None
        if part.told:
            _log.info("ended", part=part.name, code=part.process.returncode)
        else:
            part.deaths = 1 if now - part.started > CALM else part.deaths + 1
            part.due = now + min(WAIT * 2.0 ** (part.deaths - 1), LONGEST_WAIT)
            _log.error("died", part=part.name, code=part.process.returncode, deaths=part.deaths)
        _kill_group(part.process)
        part.process = None
        for other in self._parts:
            if other.needs == part.name and other.process is not None:
                self._end_with(other, part)
        self._kill_orphans()

    def _end_with(self, part: Part, needed: Part) -> None:
        """What cannot go on without the part that died ends too, and begins when that is there again."""
        assert part.process is not None
        part.told, part.due = True, needed.due
        if part.dies_too:
            _kill_group(part.process)
            part.process.wait()
        else:
            part.process.terminate()

    def _kill_orphans(self) -> None:
        """What a part that died has left running is a child of this process now."""
        ours = {part.process.pid for part in self._parts if part.process is not None}
        for orphan in (child for child in psutil.Process().children() if child.pid not in ours):
            with suppress(psutil.NoSuchProcess):
                for process in (*orphan.children(recursive=True), orphan):
                    with suppress(psutil.NoSuchProcess):
                        process.kill()
            with suppress(ChildProcessError):
                os.waitpid(orphan.pid, os.WNOHANG)  # what has not ended yet is waited for in the next round

    def _answers(self, path: str, seconds: float = SOON) -> bool:
        try:
            with urlopen(f"{self.address}{path}", timeout=seconds) as answer:
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False

    def _ray_answers(self) -> bool:
        host, port = self._environment["RAY_ADDRESS"].rsplit(":", 1)
        with socket.socket() as probe:
            probe.settimeout(1.0)
            return probe.connect_ex((host, int(port))) == 0

    def _end(self) -> None:
        """Workers and API first, both at once; then Ray."""
        for last, patience in ((False, DRAIN), (True, RAY_ENDS)):
            end = time.monotonic() + patience
            ending = [part.process for part in self._parts if part.process and (part.needs is None) == last]
            for process in ending:
                process.terminate()
            for process in ending:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(max(0.0, end - time.monotonic()))
                _kill_group(process)
                process.wait()
        self._kill_orphans()


@contextmanager
def platform(settings: Settings, config: Path | None, folder: Path) -> Iterator[Platform]:
    """A platform whose database is of this version and whose secrets are there; ``folder`` is for what is temporary.

    Raises
    ------
    ConfigError : a secret or the address cannot be used, or database or storage do not answer.
    """
    load_keys(settings)
    with current(settings):
        pass
    if not open_storage(settings).answers():
        fix = "check its address and keys, and that it is there; the log says why"
        raise ConfigError("the storage does not answer", where="s3" if settings.s3 else "data_folder", fix=fix)
    if settings.port and not _is_free(settings.host, settings.port):
        fix = "end what listens there, or choose another port"
        raise ConfigError(f"something listens on port {settings.port}", where="port", fix=fix)
    adopt_orphans()
    with ExitStack() as stack:
        made = Platform(settings, config, folder)
        for number in (signal.SIGTERM, signal.SIGINT):
            before = signal.signal(number, lambda *_: made.stop())
            stack.callback(signal.signal, number, before)
        yield made


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """End whatever is left of a process and its children."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
