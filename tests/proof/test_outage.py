"""The database stops in the middle of decisions: none is lost, and none is stored twice."""

import pytest

from tests.benchmarks.load.cluster import programs, running_cluster
from tests.benchmarks.load.outage import GRANTS, MEANWHILE, outage
from tests.benchmarks.load.settings import OURS
from tests.benchmarks.load.websites import ask

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(programs() is None, reason="PostgreSQL's programs are not installed"),
]


def test_decisions_around_an_outage_are_stored_exactly_once():
    with running_cluster() as cluster:
        ask("seed", OURS, cluster)
        found = outage(cluster)

    assert found.grants >= 2 * GRANTS
    assert found.waiting >= MEANWHILE
    assert found.stored == found.grants + found.refusals
    assert (found.others, found.faults) == (0, {})
