"""What a step of each recipe costs: arithmetic, and time beside MFF's own step.

    python tools/benchmarks/recipe_costs.py --out work_dirs/recipes/costs.csv

`recipes.py` runs this by itself. A *view* is an image with a mask: what the encoder
is given. All recipes take turns, round by round in a new order, in one process;
loading and resizing are no part of a step. A recipe whose images grow is timed at
every size, and a view of it costs the mean over its run.
"""

import argparse
import csv
import os
import random
import statistics
import time
from collections import Counter
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path

import mim_secrets  # noqa: F401  first: it makes torchvision importable beside any torch

# isort: split
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope
from recipe_list import RECIPES, Recipe
from step_measures import Step, count_flops, device_name, quartiles_of_ratios

from mim_secrets.engine.hooks.progressive import size_at

WARM_UP = 2  # untimed rounds


@dataclass
class Cost:
    """A line of the CSV."""

    recipe: str
    title: str
    changes: str
    epochs: int
    batch: int
    masks_per_image: int
    sizes: str
    gflop_per_view: float
    views_per_second: float
    ratio_to_mff: float
    ratio_to_mff_q1: float
    ratio_to_mff_q3: float
    rounds: int
    device: str
    threads: int
    torch: str


class Plan:
    """How a recipe spends its epochs, and what they cost."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.cfg = Config.fromfile(recipe.config, import_custom_modules=False)
        self.epochs = self.cfg.train_cfg.max_epochs
        self.batch = self.cfg.train_dataloader.batch_size
        self.masks = self.cfg.model.masking.get('masks_per_image', 1)

    def sizes(self, epochs: int) -> list[int]:
        """Side of the training images in every epoch of a run so long."""
        growing = [h.sizes for h in self.cfg.custom_hooks if 'ProgressiveResolution' in h.type]
        stages = growing[0] if growing else [(0, self.cfg.model.backbone.img_size)]
        return [size_at(stages, epoch, epochs) for epoch in range(epochs)]

    @cached_property
    def model(self) -> torch.nn.Module:
        with DefaultScope.overwrite_default_scope(self.cfg.default_scope):
            return MODELS.build(self.cfg.model).train()

    @cached_property
    def gflop(self) -> dict[int, float]:
        """Size -> forward and backward for one view."""
        return {
            size: count_flops(self.model, torch.randn(1, 3, size, size)) / 1e9 / self.masks
            for size in sorted(set(self.sizes(self.epochs)))
        }

    def spent(self, images: int, epochs: int | None = None) -> list[float]:
        """GFLOP spent up to the end of every epoch, in a world of so many images."""
        views = images // self.batch * self.batch * self.masks
        total, totals = 0.0, []
        for size in self.sizes(epochs or self.epochs):
            totals.append(total := total + views * self.gflop[size])
        return totals

    def mean(self, by_size: dict[int, float]) -> float:
        """Of something that depends on the size, over the run."""
        return sum(by_size[size] * n for size, n in self.shares.items()) / self.epochs

    @cached_property
    def shares(self) -> Counter:
        return Counter(self.sizes(self.epochs))


def time_views(plans: list[Plan], rounds: int) -> dict[str, list[float]]:
    """Recipe -> seconds for one view, in each round."""
    steps = {
        (plan.recipe.name, size): Step(
            plan.model, torch.randn(plan.batch, 3, size, size), 'float32'
        )
        for plan in plans
        for size in plan.shares
    }
    names, order = list(steps), random.Random(0)
    began, total = time.monotonic(), rounds + WARM_UP
    for done in range(total):
        left = (time.monotonic() - began) / done * (total - done) if done else 0
        print(f'timing round {done + 1}/{total}, ETA {left:.0f} s', flush=True)
        order.shuffle(names)  # nobody always runs after the same other one
        for name in names:
            if done < WARM_UP:
                steps[name]()
            else:
                steps[name].timed()
    seconds: dict[str, list[float]] = {}
    for plan in plans:
        per_round = zip(*(steps[plan.recipe.name, size].seconds for size in plan.shares))
        seconds[plan.recipe.name] = [
            plan.mean(dict(zip(plan.shares, taken))) / (plan.batch * plan.masks)
            for taken in per_round
        ]
    return seconds


def measure(rounds: int) -> list[Cost]:
    plans = [Plan(recipe) for recipe in RECIPES.values()]
    seconds = time_views(plans, rounds)
    rows = []
    for plan in plans:
        recipe, own = plan.recipe, seconds[plan.recipe.name]
        low, middle, high = quartiles_of_ratios(seconds['mff'], own)
        rows.append(
            Cost(
                recipe=recipe.name,
                title=recipe.title,
                changes=recipe.changes,
                epochs=plan.epochs,
                batch=plan.batch,
                masks_per_image=plan.masks,
                sizes=' '.join(f'{size}px:{n}' for size, n in plan.shares.items()),
                gflop_per_view=round(plan.mean(plan.gflop), 6),
                views_per_second=round(1 / statistics.median(own), 2),
                ratio_to_mff=middle,
                ratio_to_mff_q1=low,
                ratio_to_mff_q3=high,
                rounds=rounds,
                device=device_name(torch.device('cpu')),
                threads=torch.get_num_threads(),
                torch=torch.__version__,
            )
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description='Time a step of every recipe')
    parser.add_argument('--out', type=Path, required=True)
    parser.add_argument('--rounds', type=int, default=25)
    args = parser.parse_args()
    torch.set_num_threads(int(os.environ.get('OMP_NUM_THREADS', 1)))
    rows = measure(args.rounds)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    with args.out.open('w', newline='') as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Cost)], lineterminator='\n')
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)


if __name__ == '__main__':
    main()
