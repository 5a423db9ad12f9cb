"""From what a person writes to a model that can be looked at."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope

from mim_secrets.analysis.sources import read_subject, subject_of
from mim_secrets.models import MFF
from mim_secrets.registry import MODELS
from tests.checkpoint.attacks import write_attack
from tests.conftest import CONFIGS
from tests.models.small import small_config

MFF_CONFIG = str(CONFIGS / 'mff_vit-nano-p4_1xb64-coslr-8e_playground-32px.py')
CLASSIFIER = str(CONFIGS / 'vit-nano-p4_1xb32-coslr-10e_playground-32px-10percent.py')
MEAN, STD = [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]


def pictures(size: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (2, 3, size, size), generator=generator, dtype=torch.uint8)


def build(config: str) -> torch.nn.Module:
    cfg = Config.fromfile(config)
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        # as the runner hands it on
        model = MODELS.build({**cfg.model, 'data_preprocessor': cfg.data_preprocessor})
    torch.manual_seed(5)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return model.eval()


@pytest.mark.parametrize('config', [MFF_CONFIG, CLASSIFIER], ids=['pre-training', 'classifier'])
def test_a_config_and_a_checkpoint(config: str, tmp_path: Path) -> None:
    """Breaks when weights are not those of the file, when what the model is given is
    not what its preprocessor makes of a picture, or when it is left in training mode."""
    model = build(config)
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'epoch_8.pth')
    subject = read_subject(f'mine={config}:{tmp_path}')
    assert subject.name == 'mine' and subject.checkpoint == tmp_path / 'epoch_8.pth'
    assert subject.source == f'{config}, {tmp_path}/epoch_8.pth'
    assert not subject.model.training
    batch = pictures(subject.image_size)
    bgr = dict(inputs=batch.flip(1), data_samples=None)
    expected = model.data_preprocessor(bgr)['inputs']
    torch.testing.assert_close(subject.prepare(batch), expected)
    torch.testing.assert_close(subject.forward(expected), model.backbone(expected))
    for name, tensor in model.state_dict().items():
        torch.testing.assert_close(subject.model.state_dict()[name], tensor)


def test_the_encoder_of_another_kind_of_model(tmp_path: Path) -> None:
    """Breaks when a classifier's config cannot take what pre-training wrote, or when its
    untrained head is looked at as well."""
    model = build(MFF_CONFIG)
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'mff.pth')
    subject = read_subject(f'x={CLASSIFIER}:{tmp_path / "mff.pth"}')
    torch.testing.assert_close(
        subject.encoder.layers[3].attn.qkv.weight, model.backbone.layers[3].attn.qkv.weight
    )
    assert subject.model is subject.encoder


def test_random_weights_are_those_of_a_seed() -> None:
    """Breaks when chance, or a checkpoint that the config names, decides."""
    weights = [
        read_subject(f'r={MFF_CONFIG}:random', seed).encoder.layers[0].attn.qkv.weight
        for seed in (0, 0, 1)
    ]
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])
    subject = read_subject(f'r={CLASSIFIER}:random')  # its config asks for a checkpoint
    assert subject.checkpoint is None


@pytest.mark.parametrize('rgb', [True, False])
def test_channels_as_the_preprocessor_has_them(rgb: bool) -> None:
    """Breaks when a model trained on BGR gets RGB, or means of the wrong channels."""
    cfg = small_config(data_preprocessor=dict(mean=MEAN, std=STD, to_rgb=rgb))
    model = MFF(**cfg)
    batch = pictures(32)
    expected = model.data_preprocessor(dict(inputs=batch.flip(1), data_samples=None))['inputs']
    torch.testing.assert_close(subject_of('x', model).prepare(batch), expected)


@pytest.mark.slow
def test_timm_and_hugging_face(tmp_path: Path) -> None:
    """Breaks when their sizes, means or weights are not what the libraries say."""
    import timm
    import transformers

    kind = 'vit_tiny_patch16_224'
    subject = read_subject(f't=timm:{kind}:random')
    assert subject.image_size == 224 and subject.mean == (127.5,) * 3
    assert len(subject.layers) == 12
    model = timm.create_model(kind)
    torch.save(model.state_dict(), tmp_path / 'tiny.pth')
    subject = read_subject(f't=timm:{kind}:{tmp_path / "tiny.pth"}')
    assert torch.equal(subject.model.pos_embed, model.pos_embed)
    torch.save({'pos_embed': model.pos_embed.detach()}, tmp_path / 'part.pth')
    with pytest.raises(ValueError, match='lacks 151 tensors of vit_tiny_patch16_224'):
        read_subject(f't=timm:{kind}:{tmp_path / "part.pth"}')
    with pytest.raises(ValueError, match="timm has no model 'vit_nothing'; it has vit_"):
        read_subject('t=timm:vit_nothing')

    config = transformers.ViTConfig(
        hidden_size=24, num_hidden_layers=2, num_attention_heads=3, image_size=32, patch_size=8
    )
    model = transformers.ViTModel(config)
    model.save_pretrained(tmp_path / 'hf')
    subject = read_subject(f'h=hf:{tmp_path / "hf"}')
    assert subject.image_size == 32 and subject.mean == (127.5,) * 3
    for name, tensor in model.state_dict().items():
        assert torch.equal(subject.model.state_dict()[name], tensor)
    drawn = read_subject(f'h=hf:{tmp_path / "hf"}:random').model.state_dict()
    assert not torch.equal(drawn['encoder.layer.0.output.dense.weight'],
                           model.state_dict()['encoder.layer.0.output.dense.weight'])  # fmt: skip


@pytest.mark.slow
def test_a_folder_of_hugging_face_does_not_run_code(tmp_path: Path) -> None:
    """Breaks when transformers opens a file with everything allowed for us."""
    import transformers

    config = transformers.ViTConfig(hidden_size=24, num_hidden_layers=1, num_attention_heads=3)
    model = transformers.ViTModel(config)
    model.save_pretrained(tmp_path / 'hf', safe_serialization=False)
    read_subject(f'h=hf:{tmp_path / "hf"}')
    file, loot = write_attack('plain', model.state_dict(), tmp_path)
    file.rename(tmp_path / 'hf' / 'pytorch_model.bin')
    with pytest.raises(Exception, match='(?i)weights|pickle'):
        read_subject(f'h=hf:{tmp_path / "hf"}')
    assert not loot.exists()


@pytest.mark.parametrize(
    ('text', 'sentence'),
    [
        ('model.py:file.pth', 'this is not NAME=CONFIG:CHECKPOINT'),
        ('x=model.py', 'no checkpoint is named'),
        ('x=nowhere.py:random', 'there is no config at nowhere.py'),
        (f'x={MFF_CONFIG}:nowhere.pth', 'nowhere.pth'),
    ],
)
def test_what_cannot_be_read(text: str, sentence: str) -> None:
    """Breaks when a slip of the pen gives anything but a sentence."""
    with pytest.raises((ValueError, OSError), match=sentence):
        read_subject(text)


def test_an_encoder_without_attention() -> None:
    """Breaks when a family that has no adapter is not told how to get one."""
    config = CONFIGS / 'simmim_replknet-nano_1xb64-coslr-8e_playground-32px.py'
    with pytest.raises(ValueError, match='No adapter reads the attention of .*RepLKNet; write'):
        read_subject(f'x={config}:random')
