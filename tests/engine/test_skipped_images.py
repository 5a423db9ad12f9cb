"""The books of images that a data set could not use, through runs and resumed runs."""

import json
from pathlib import Path

import pytest

from mim_secrets.engine.hooks.skipped_images import SkippedImagesHook, TooManyBadImagesError
from tests.datasets.pictures import write_folder
from tests.tiny_run import MODEL, SIZE, runner

NUMBER = 12


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """Twelve images, of which two cannot be used."""
    files = write_folder(tmp_path / 'images', NUMBER)
    files[3].write_bytes(b'')
    files[8].write_bytes(files[8].read_bytes()[:700])
    return tmp_path / 'images'


def train(root: Path, work_dir: Path, epochs: int = 2, workers: int = 0, **options: object) -> str:
    """The log of a run on all images below ``root``, with its books kept."""
    resume = options.pop('resume', False)
    loader = dict(
        batch_size=4,
        num_workers=workers,
        persistent_workers=workers > 0,
        sampler=dict(type='DefaultSampler', shuffle=True),
        collate_fn=dict(type='default_collate'),
        dataset=dict(
            type='mim_secrets.PretrainImages',
            data_root=str(root),
            pipeline=[
                dict(type='mim_secrets.SeedSample'),
                dict(type='mim_secrets.FastRandomResizedCrop', scale=SIZE),
                dict(type='mmpretrain.PackInputs', meta_keys=()),
            ],
        ),
    )
    run = runner(
        work_dir,
        model=MODEL,
        train_dataloader=loader,
        train_cfg=dict(by_epoch=True, max_epochs=epochs),
        optim_wrapper=dict(optimizer=dict(type='AdamW', lr=1e-3)),
        custom_hooks=[
            dict(type='mim_secrets.ResumableRandomnessHook'),
            dict(type='mim_secrets.SkippedImagesHook', **options),
        ],
        log_level='INFO',
        resume=resume,
    )
    run.train()
    return Path(run.log_dir, f'{run.timestamp}.log').read_text()


def listed(work_dir: Path) -> dict[str, str]:
    lines = (work_dir / 'skipped_images.jsonl').read_text().splitlines()
    assert len(set(lines)) == len(lines)
    return {Path(line['path']).name: line['reason'] for line in map(json.loads, lines)}


@pytest.mark.slow
@pytest.mark.parametrize('workers', [0, 2])
def test_skipped_images_are_listed(damaged: Path, tmp_path: Path, workers: int) -> None:
    """Breaks when a bad image is forgotten because another worker met it, or is listed
    once for every epoch."""
    log = train(damaged, tmp_path / 'run', epochs=3, workers=workers)
    bad = listed(tmp_path / 'run')
    assert bad.keys() == {'003.jpg', '008.jpg'}
    assert bad['003.jpg'] == 'it is empty' and 'cut off' in bad['008.jpg']
    _, summary = log.split('2 images were skipped')
    assert all(f'/{name}: {reason}' in summary for name, reason in bad.items())


@pytest.mark.slow
def test_a_run_without_bad_images_says_so(tmp_path: Path) -> None:
    """Breaks when silence could mean that nobody counted, or an old list stays."""
    write_folder(tmp_path / 'images', 4)
    (tmp_path / 'run').mkdir()
    for name in ('skipped_images.jsonl', 'skipped_images_rank3.jsonl'):
        (tmp_path / 'run' / name).write_text('{"path": "old", "reason": "old"}\n')
    assert 'No image was skipped.' in train(tmp_path / 'images', tmp_path / 'run', epochs=1)
    assert list((tmp_path / 'run').glob('skipped_images*')) == []


@pytest.mark.slow
def test_a_resumed_run_keeps_the_list(damaged: Path, tmp_path: Path) -> None:
    """Breaks when the list at the end tells of the last stretch of a run alone, or half
    a line of a run that was killed ends the next one."""
    train(damaged, tmp_path / 'run', epochs=1)
    assert len(listed(tmp_path / 'run')) == 2
    with (tmp_path / 'run' / 'skipped_images.jsonl').open('a') as file:
        file.write('{"path": "old.jpg", "reason": "it was bad"}\n{"path": "ha\n')
    log = train(damaged, tmp_path / 'run', epochs=2, resume=True)
    assert '3 images were skipped' in log and 'old.jpg: it was bad' in log


@pytest.mark.slow
def test_too_many_bad_images_stop_the_run(damaged: Path, tmp_path: Path) -> None:
    """Breaks when a run goes on with a damaged data set, or stops without a list."""
    with pytest.raises(TooManyBadImagesError) as caught:
        train(damaged, tmp_path / 'run', max_bad_share=0.002)
    sentence = str(caught.value)
    assert '3 of ' in sentence and 'more than a share of 0.002' in sentence
    assert f'all are listed in {tmp_path}/run/skipped_images.jsonl' in sentence
    assert 'raise max_bad_share' in sentence and '\n' not in sentence
    assert len(listed(tmp_path / 'run')) == 2


@pytest.mark.parametrize(
    ('samples', 'borne'), [(1, 10), (900, 10), (1000, 10), (1100, 11), (50_000, 500)]
)
def test_the_share_is_judged_as_of_a_thousand(samples: int, borne: int, tmp_path: Path) -> None:
    """Breaks when the first bad image of a run ends it, or when a long run bears more
    than its share."""
    hook = SkippedImagesHook()
    hook._file = tmp_path / 'list.jsonl'
    hook.samples = samples
    for number in range(borne):
        hook._count(f'{number}.jpg', 'bad')
    with pytest.raises(TooManyBadImagesError, match=f'{borne + 1} of {samples} samples'):
        hook._count('last.jpg', 'bad')


def test_an_impossible_share_is_refused() -> None:
    """Breaks when a percentage passes for a share and switches the check off."""
    with pytest.raises(ValueError, match='max_bad_share is 5'):
        SkippedImagesHook(max_bad_share=5)
