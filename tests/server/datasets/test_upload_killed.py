"""What was acknowledged outlives the process that did so."""

from __future__ import annotations

import hashlib
import json
import random
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from threading import Event, Lock

import pytest

from synthos.server.settings import MIB, Settings
from tests.server.conftest import Person
from tests.server.datasets.serving import ask, serving
from tests.server.datasets.uploading import PATH, announce, part_of

CONTENT = random.Random(9).randbytes(61 * MIB)
ENOUGH = 3


@pytest.mark.slow
def test_parts_that_were_acknowledged_survive_kill_9(ada: Person, settings: Settings) -> None:
    plan = announce(ada, CONTENT)
    path = f"{PATH}/{plan['dataset_id']}"
    headers = {"Authorization": ada.client.headers["authorization"]}
    acknowledged: set[int] = set()
    some, lock = Event(), Lock()

    def send(port: int, number: int) -> None:
        try:
            status, _ = ask(port, "PUT", f"{path}/parts/{number}", headers, part_of(plan, CONTENT, number))
        except (OSError, HTTPException):
            return
        assert status == 200
        with lock:
            acknowledged.add(number)
            if len(acknowledged) >= ENOUGH:
                some.set()

    with serving(settings.data_folder) as (process, port), ThreadPoolExecutor(3) as threads:
        sent = [threads.submit(send, port, number) for number in range(1, plan["parts_total"] + 1)]
        assert some.wait(60)
        process.kill()
        for part in sent:
            part.result()
    assert ENOUGH <= len(acknowledged) < plan["parts_total"]

    with serving(settings.data_folder) as (_, port):
        there = {
            part["part_number"]: part["etag"]
            for part in json.loads(ask(port, "GET", f"{path}/upload", headers)[1])["parts"]
        }
        assert acknowledged <= there.keys()
        for number, etag in there.items():
            assert etag == hashlib.sha256(part_of(plan, CONTENT, number)).hexdigest()
        for number in set(range(1, plan["parts_total"] + 1)) - there.keys():
            send(port, number)
        assert ask(port, "POST", f"{path}/complete", headers)[0] == 200
        assert ask(port, "GET", f"{path}/content", headers)[1] == CONTENT
