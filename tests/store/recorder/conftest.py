"""A recorder in front of a model server that speaks as OpenAI's does."""

from collections.abc import AsyncIterator

import pytest

from tests.store.recorder.recording import Recording, recording


@pytest.fixture
async def here() -> AsyncIterator[Recording]:
    async with recording() as running:
        yield running
