"""`kill -9` of the service where it takes a company on, leaves it, and renews its tokens, then again until all is done."""

import random
import shutil
from collections import Counter
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from pleo_export.crash_points import NAMES, VARIABLE
from pleo_export.simulator.hands import simulator_process
from pleo_export.testing.processes import KILLED, ended, kill, start
from tests.e2e.connected import connect, registered
from tests.e2e.judged import assert_promises_kept
from tests.e2e.killing import OF_A_RUN
from tests.e2e.service_process import answers, environment, free_port, until
from tests.e2e.story import Story
from tests.scorecard import at_size
from tests.scorecard.plugin import Score
from tests.scorecard.seeds import replayable, seeds

pytestmark = [pytest.mark.slow, pytest.mark.timeout(at_size(300, 6 * 3600))]

OF_THE_SERVICE = sorted(set(NAMES) - set(OF_A_RUN))
LOST = "the answer to a refresh was lost"


class Hosted:
    """A company connected to Pleo by OAuth, whose access tokens last a second, and the service that is killed."""

    def __init__(self, story: Story, seed: int) -> None:
        self.story, self._draw = story, random.Random(seed)
        self._log, port = story.folder / "serve.log", free_port()
        here = environment(story.folder, PLEO_EXPORT_PORT=str(port), PLEO_EXPORT_POLL_MINUTES="0.02")
        self._env = registered(story, here, port)
        self._url = self._env["PLEO_EXPORT_PUBLIC_URL"]
        self._jobs: list[str] = []
        self.kills = Counter[str]()
        story.bookkeeper.tokens(accessTokenSeconds=1)

    def everywhere(self) -> None:
        """Kill the service at each of its places, in a drawn order, and let it end the work."""
        self._connect()
        for name in self._draw.sample(OF_THE_SERVICE, len(OF_THE_SERVICE)):
            ids = self.story.expenses(self._draw.randint(1, 5), seed=len(self._jobs))
            self._jobs.append(self.story.press_export(ids))
            assert ended(self._serve(name)) == KILLED, name
            self.kills[name] += 1
            if name == "tokens.answered":
                self._connect(LOST)
        service = self._serve()
        until(lambda: answers(self._url) and self._all_ended(), "the end of all jobs")
        service.terminate()
        assert ended(service) == 0

    def _connect(self, told_before: str = "") -> None:
        """Have a person connect the company once the service asks for it; then the service dies at any moment."""
        service = self._serve()
        until(lambda: answers(self._url) and told_before in self._said(), "that it asks to be connected")
        connect(self._env)
        service.join(self._draw.uniform(0.0, 0.5))
        assert kill(service) == KILLED
        self.kills["blindly"] += 1

    def _serve(self, crash: str = "") -> BaseProcess:
        return start(
            "serve",
            "--settings",
            str(self.story.settings),
            env={**self._env, VARIABLE: crash},
            log=self._log,
        )

    def _said(self) -> str:
        return self._log.read_text(encoding="utf-8")

    def _all_ended(self) -> bool:
        return all(self.story.job(job)["status"] == "completed" for job in self._jobs)


@pytest.mark.scorecard("A")
def test_the_service_carries_on_wherever_it_is_killed(tmp_path: Path, score: Score) -> None:
    score.note(kills=0, violations=0)
    for seed in seeds(lambda: score.sum("kills") >= at_size(6, 600)):
        folder = tmp_path / str(seed)
        folder.mkdir()
        with replayable(seed), simulator_process() as url:
            hosted = Hosted(Story(folder, url), seed)
            hosted.everywhere()
            assert_promises_kept(hosted.story, {})
        shutil.rmtree(folder)
        score.note(kills=hosted.kills.total())
