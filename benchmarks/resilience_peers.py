"""What other libraries do in trouble, observed: `make resilience-peers` writes docs/resilience-peers.md."""

import sys
from pathlib import Path

from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from perf.peers_of_resilience import table
from perf.peers_of_resilience.rules import RULES
from servers.redis import running_redis


def main() -> int:
    with running_redis() as url:
        answers = {name: table.observed(rule, url) for name, rule in tqdm(RULES.items(), leave=False)}
    table.PAGE.write_text(table.page(answers), encoding="utf-8")
    for name, rule in RULES.items():
        print(table.row(rule, answers[name]))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
