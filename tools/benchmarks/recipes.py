"""Accuracy against compute, for every recipe that costs less than MFF or tries to.

    python tools/benchmarks/recipes.py --dry-run          # the plan, and how long it takes
    python tools/benchmarks/recipes.py --jobs 2           # all recipes, three seeds: hours
    python tools/benchmarks/recipes.py --seeds 0 --recipes mff fast
    python tools/benchmarks/recipes.py --toy              # minutes: does everything work?

First a step of every recipe is timed beside MFF's, with no other stage running. Then
each recipe is pre-trained on the playground for each seed, probed (kNN, linear) at
every fifth of its run without being disturbed, and fine-tuned on a tenth of the
labels. Every stage is an ordinary command of this repository; what is finished is
not run again, and a run that was stopped goes on.

In the work directory: `costs.csv` (a row for each recipe), `probes.csv` (a row for
each probe, with the compute spent until then) and `results.csv` (a row for each
final accuracy). With `--keep` they are copied to docs/en/recipes, from where
`tools/misc/write_tables.py` writes the table.
"""

import argparse
import os
import sys
from pathlib import Path

# Before torch starts its threads: those that wait should sleep.
os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')

import mim_secrets  # noqa: F401  first: it makes torchvision importable beside any torch

# isort: split
from long_runs import ROOT, add_flags, carry_out, keep, road, show_plan
from recipe_costs import Plan
from recipe_list import (
    PROBES,
    RECIPES,
    Recipe,
    config_in_world,
    cost_config,
    pretraining_config,
    write_config,
)
from recipe_results import TABLES, write_results
from rich.console import Console

from mim_secrets.datasets.playground import PRESETS
from mim_secrets.visualization.report import Records, Stage

sys.path.append(str(ROOT / 'tools'))

from quickstart import (
    FINETUNE,
    RENDERING,
    TRAINING,
    WORLD,
    WORLD_PRESET,
    WORLD_SECONDS,
    train,
)

WORK_DIR, SMALL_LOGS = Path('work_dirs/recipes'), Path('docs/en/recipes')
TIMING = r'timing round (?P<place>\d+/\d+), ETA (?P<left>\d+) s'
COST_SECONDS, START_SECONDS, PROBE_SECONDS, FINETUNE_SECONDS = 90, 12, 22, 70
TOY_PRESET, TOY_EPOCHS = 'tiny', 2  # enough for a progressive run to change its size


class Comparison:
    """The stages of all recipes and seeds, and what has to be known of each.

    Args:
        work_dir: Where everything goes.
        seeds: One repetition each; those of earlier runs are known as well.
        toy: A tiny world and two epochs.
    """

    def __init__(self, work_dir: Path, seeds: list[int], toy: bool) -> None:
        self.work_dir, self.seeds, self.toy = work_dir, seeds, toy
        self.world = str(work_dir / 'world') if toy else WORLD
        self.preset = TOY_PRESET if toy else WORLD_PRESET
        self.epochs = TOY_EPOCHS if toy else None
        self.images = PRESETS[self.preset].train
        self.plans = {name: Plan(recipe) for name, recipe in RECIPES.items()}
        configs = work_dir / 'configs'
        self.finetuning = write_config(
            config_in_world(FINETUNE, self.world, self.epochs), configs / 'finetune.py'
        )
        self.costs = self._cost_stage(configs)
        self.render = Stage(
            'render',
            'render the world',
            ('tools/dataset_converters/make_playground.py', self.world, '--preset', self.preset),
            Path(self.world),
            WORLD_SECONDS,
            progress=RENDERING,
        )
        self.runs: dict[tuple[str, int], tuple[Stage, Stage]] = {}
        for recipe in RECIPES.values():
            config = pretraining_config(recipe, self.world, self.epochs)
            path = write_config(config, configs / f'{recipe.name}.py')
            for seed in sorted({*seeds, *self._earlier_seeds()}):
                self.runs[recipe.name, seed] = self._run(recipe, seed, path)

    def _earlier_seeds(self) -> list[int]:
        return [int(path.name.removeprefix('seed')) for path in self.work_dir.glob('seed[0-9]*')]

    def stages(self) -> list[Stage]:
        return [self.costs, self.render, *(stage for pair in self.runs.values() for stage in pair)]

    def chosen(self, recipes: list[str]) -> list[Stage]:
        """Those of some recipes, seed after seed."""
        pairs = [self.runs[name, seed] for seed in self.seeds for name in recipes]
        return [self.render, *(stage for pair in pairs for stage in pair)]

    def _cost_stage(self, configs: Path) -> Stage:
        folder = self.work_dir / 'costs'
        script = ('tools/benchmarks/recipe_costs.py', '--out', str(folder / 'costs.csv'))
        return Stage(
            'costs',
            'time a step of every recipe',
            (*script, '--rounds', '2') if self.toy else script,
            folder,
            COST_SECONDS / 10 if self.toy else COST_SECONDS,
            config=write_config(cost_config(), configs / 'costs.py'),
            progress=TIMING,
        )

    def _run(self, recipe: Recipe, seed: int, config: str) -> tuple[Stage, Stage]:
        """Pre-training and fine-tuning."""
        here, seeded = self.work_dir / f'seed{seed}' / recipe.name, f'randomness.seed={seed}'
        epochs = self.plans[recipe.name].epochs
        seconds = START_SECONDS + epochs * recipe.epoch_seconds + PROBES * PROBE_SECONDS
        pretrain = Stage(
            f'seed{seed}-{recipe.name}-pretrain',
            f'pre-train {recipe.name}, seed {seed}',
            train(config, here / 'pretrain', seeded),
            here / 'pretrain',
            START_SECONDS if self.toy else seconds,
            needs=(self.render.name,),
            config=config,
            progress=TRAINING,
            resumes=True,
        )
        weights = f'model.backbone.init_cfg.checkpoint={here / "pretrain"}'
        finetune = Stage(
            f'seed{seed}-{recipe.name}-finetune',
            f'fine-tune {recipe.name}, seed {seed}',
            train(self.finetuning, here / 'finetune', seeded, weights),
            here / 'finetune',
            START_SECONDS if self.toy else FINETUNE_SECONDS,
            needs=(pretrain.name,),
            config=self.finetuning,
            progress=TRAINING,
            resumes=True,
        )
        return pretrain, finetune


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--recipes', nargs='+', choices=RECIPES, default=list(RECIPES))
    parser.add_argument('--toy', action='store_true', help='a tiny world and two epochs')
    add_flags(parser, WORK_DIR, SMALL_LOGS)
    args = parser.parse_args()
    if args.toy and args.keep:
        parser.error('--keep is for the docs, where toys have no place; leave out --toy.')
    return args


def run(args: argparse.Namespace, console: Console) -> None:
    work_dir = args.work_dir or (Path('work_dirs/recipes-toy') if args.toy else WORK_DIR)
    comparison = Comparison(work_dir, args.seeds, args.toy)
    records = Records(work_dir, comparison.stages())
    stages = comparison.chosen(args.recipes)
    if args.dry_run:
        show_plan([comparison.costs, *stages], records, console, args.jobs)
        return
    try:
        road([comparison.costs], records, console, jobs=1).run()
        road(stages, records, console, args.jobs).run()
    finally:
        write_results(comparison, records, console)
    if args.keep:
        keep(work_dir, SMALL_LOGS, TABLES, console)


def main() -> None:
    carry_out(run, parse_args())


if __name__ == '__main__':
    main()
