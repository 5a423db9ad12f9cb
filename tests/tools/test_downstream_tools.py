"""tools/train.py and tools/test.py with detectors, segmentors and pose estimators."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import mmengine
import pytest
import torch
from mim.commands.train import train as train_by_mim
from mmengine.registry import MODELS

from mim_secrets.checkpoint.reading import read_checkpoint
from tests import tiny_run
from tests.tiny_downstream import KINDS

pytestmark = pytest.mark.slow  # they train


@pytest.fixture(scope='module')
def pretrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A work directory with two checkpoints of pre-training, the newer one known."""
    folder = tmp_path_factory.mktemp('pretrained')
    for epoch in (1, 2):
        torch.manual_seed(epoch)
        model = MODELS.build({**tiny_run.MODEL, 'type': 'mim_secrets.MAE'})
        model.init_weights()
        torch.save(dict(state_dict=model.state_dict()), folder / f'epoch_{epoch}.pth')
    (folder / 'last_checkpoint').write_text(str(folder / 'epoch_2.pth'))
    return folder


@pytest.fixture(scope='module')
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of an encoder with twice the width."""
    arch = dict(tiny_run.BACKBONE['arch'], embed_dims=96)
    model = MODELS.build({**tiny_run.BACKBONE, 'type': 'mim_secrets.ViT', 'arch': arch})
    path = tmp_path_factory.mktemp('wide') / 'wide.pth'
    state = {f'backbone.{name}': tensor for name, tensor in model.state_dict().items()}
    torch.save(dict(state_dict=state), path)
    return path


@pytest.mark.parametrize('library', KINDS)
def test_the_road_from_pretraining_to_pictures(
    tool, downstream, pretrained: Path, tmp_path: Path, library: str
) -> None:
    """Breaks when batches of a library are put together as another's, when an encoder
    does not start where it is told to, or when predictions are not drawn."""
    config = downstream(library)
    tool('train.py', config, '--work-dir', 'tuned', '--pretrained', pretrained)
    log = next(Path('tuned').glob('*/*.log')).read_text()
    assert f'{pretrained}/epoch_2.pth, mim_secrets names of a vit' in log

    tool('test.py', config, 'tuned', '--show-dir', 'pictures', '--out', 'all.pkl')
    drawn = sorted(Path('pictures').glob('*/*.png'))
    predictions = mmengine.load('all.pkl')
    assert len(drawn) == len(predictions) > 0
    stems = {path.stem.partition('_')[0] if library == 'mmpose' else path.stem for path in drawn}
    assert {Path(one['img_path']).stem for one in predictions} == stems
    assert cv2.imread(str(drawn[0])).std() > 10


def test_mmdets_own_tools_train_our_config(downstream, worlds: Path, tmp_path: Path) -> None:
    """Breaks when a config of ours needs more than that this package is installed: mim
    starts mmdet's tools/train.py, which has never heard of it."""
    train_by_mim(
        'mmdet',
        str(downstream('mmdet')),
        gpus=1,
        other_args=(
            '--work-dir',
            str(tmp_path / 'tuned'),
            '--cfg-options',
            'model.backbone.init_cfg=None',
            'val_cfg=None',
            'val_dataloader=None',
            'val_evaluator=None',
        ),
    )
    assert (tmp_path / 'tuned' / 'epoch_1.pth').is_file()


STUDENT = ['--cfg-options', 'model.student.type=mim_secrets.ViT']
MISTAKES = {
    'another width': (['--pretrained', 'WIDE'], r'wide.pth: .* is .*96.* in the file and .*48'),
    'no such file': (['--pretrained', 'gone.pth'], 'There is no checkpoint at gone.pth'),
    'empty folder': (['--pretrained', '.'], 'There is no .pth file in .*; name a checkpoint'),
    'nothing named': ([], 'no checkpoint is named; pass --pretrained FILE'),
    'two encoders': (
        ['--pretrained', 'none', *STUDENT],
        'has 2 encoders, model.backbone and model.student; choose one by --cfg-options',
    ),
    'no data': (
        ['--pretrained', 'none', '--cfg-options', 'train_dataloader.dataset.data_root=gone'],
        'The data folder gone of train_dataloader does not exist',
    ),
}


@pytest.mark.parametrize('mistake', MISTAKES, ids=lambda name: name.replace(' ', '-'))
def test_a_mistake_leaves_nothing_behind(tool, downstream, wide: Path, mistake: str) -> None:
    """Breaks when a run that cannot start has made a work directory already."""
    arguments, sentence = MISTAKES[mistake]
    arguments = [wide if argument == 'WIDE' else argument for argument in arguments]
    with pytest.raises((ValueError, FileNotFoundError), match=sentence):
        tool('train.py', downstream('mmseg'), '--work-dir', 'work', *arguments)
    assert not Path('work').exists()


def test_a_checkpoint_of_another_width_is_not_tested(tool, downstream, wide: Path) -> None:
    """Breaks when what fits of a checkpoint is loaded, and the rest left at random."""
    with pytest.raises(ValueError, match=r'does not fit: .* is .*96.* and .*48.* in the model'):
        tool('test.py', downstream('mmseg'), wide, '--work-dir', 'tested')


WRONG_COUNTS = dict(
    mmdet=(
        dict(roi_head=dict(bbox_head=dict(num_classes=7), mask_head=dict(num_classes=7))),
        'head has 7 classes .* has 10 .*bbox_head.num_classes=10 .*mask_head.num_classes=10',
    ),
    mmseg=(dict(decode_head=dict(num_classes=7)), 'has 7 classes .* has 12 .*num_classes=12'),
    mmpose=(dict(head=dict(out_channels=14)), 'has 14 key points .* has 17 .*out_channels=17'),
)


@pytest.mark.parametrize('library', KINDS)
def test_a_head_of_another_size(tool, downstream, library: str) -> None:
    """Breaks when a head for other classes or key points is trained until it fails."""
    changes, sentence = WRONG_COUNTS[library]
    options = [f'model.{path}={value}' for path, value in flat(changes)]
    with pytest.raises(ValueError, match=sentence):
        tool('train.py', downstream(library), '--pretrained', 'none', '--cfg-options', *options)


def flat(tree: dict, prefix: str = '') -> Iterator[tuple[str, object]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from flat(value, f'{prefix}{key}.')
        else:
            yield prefix + key, value


def test_resuming_comes_before_starting(tool, downstream, pretrained: Path) -> None:
    """Breaks when a resumed run asks for the checkpoint that it once began with, or
    begins there again."""
    config = downstream('mmseg')
    run = ['train.py', config, '--work-dir', 'tuned', '--no-validate']
    tool(*run, '--resume', '--pretrained', pretrained)  # nothing is there to go on from
    first = read_checkpoint('tuned/epoch_1.pth')
    tool(*run, '--resume', '--pretrained', 'gone.pth', '--cfg-options', 'train_cfg.max_epochs=2')
    log = max(Path('tuned').glob('*/*.log')).read_text()
    assert 'Epoch(train) [2]' in log and 'Epoch(train) [1]' not in log
    name = 'backbone.layers.0.attn.qkv.weight'
    start = read_checkpoint(pretrained / 'epoch_2.pth')[name]
    moved = (read_checkpoint('tuned/epoch_2.pth')[name] - first[name]).norm()
    assert 0 < moved < 0.3 * start.norm()
    assert (first[name] - start).norm() < 0.3 * start.norm()


def test_a_run_killed_in_its_last_validation(tool, downstream) -> None:
    """Breaks when such a run, resumed, ends without its figures and its best checkpoint."""
    run = ['train.py', downstream('mmseg'), '--work-dir', 'tuned', '--pretrained', 'none']
    best = [f'default_hooks.checkpoint.{key}' for key in ('type=CheckpointHook', 'save_best=mIoU')]
    tool(*run, '--no-validate')  # leaves what the kill leaves
    tool(*run, '--resume', '--cfg-options', *best)
    log = max(Path('tuned').glob('*/*.log')).read_text()
    assert 'Nothing is left to train' in log and 'Epoch(train)' not in log
    assert log.count(' mIoU: ') == 1
    assert Path('tuned/best_mIoU_epoch_1.pth').is_file()
