"""What the proxy says where no replica answers."""

from __future__ import annotations

import http.client
import io
import json
from pathlib import Path

from synthos.server.away_page import NAME, RETRY_AFTER, page, put_into
from synthos.server.problems import MEDIA_TYPE, ProblemDocument


class Wire:
    """What came over a connection, as ``http.client`` reads it."""

    def makefile(self, mode: str) -> io.BytesIO:
        return io.BytesIO(page())


def test_it_is_an_answer_like_every_other_error_and_says_when_to_come_again() -> None:
    answer = http.client.HTTPResponse(Wire())  # type: ignore[arg-type]
    answer.begin()
    assert (answer.status, answer.getheader("Content-Type")) == (503, MEDIA_TYPE)
    assert answer.getheader("Retry-After") == str(RETRY_AFTER)
    told = ProblemDocument.model_validate(json.loads(answer.read()))
    assert (told.status, told.type) == (503, "urn:synthos:problem:api-unavailable")


def test_it_takes_the_place_of_what_each_proxy_has_written(tmp_path: Path) -> None:
    for node in ("a", "b"):
        (tmp_path / node).mkdir()
        (tmp_path / node / NAME).write_text("HTTP/1.1 500 Internal Server Error\r\n\r\n")
    put_into(tmp_path)
    first = (tmp_path / "a" / NAME).stat().st_ino
    put_into(tmp_path)
    assert (tmp_path / "a" / NAME).stat().st_ino == first, "what is there already is left alone"
    for node in ("a", "b"):
        assert [path.name for path in (tmp_path / node).iterdir()] == [NAME]
        assert (tmp_path / node / NAME).read_bytes() == page()


def test_where_there_is_no_proxy_nothing_is_written(tmp_path: Path) -> None:
    put_into(tmp_path / "nowhere")
    assert list(tmp_path.iterdir()) == []
