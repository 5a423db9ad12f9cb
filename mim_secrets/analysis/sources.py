"""From what a person writes to a model that can be looked at.

    NAME=CONFIG:CHECKPOINT   a config of ours or of mmpretrain; a file or a work directory
    NAME=timm:MODEL[:FILE]   timm's own weights, unless a file is named
    NAME=hf:PATH             a folder of Hugging Face transformers, or a name on its hub

``:random`` in the place of a file stands for weights as training would begin with.
"""

from dataclasses import replace
from pathlib import Path

import torch
from mmengine.config import Config, ConfigDict
from mmengine.registry import DefaultScope
from torch import nn

from mim_secrets.analysis.adapters import find_adapter
from mim_secrets.analysis.subject import Subject
from mim_secrets.checkpoint.initializer import loads_checkpoint, newest_checkpoint
from mim_secrets.checkpoint.loading import load_encoder
from mim_secrets.checkpoint.reading import read_checkpoint
from mim_secrets.registry import MODELS

RANDOM = 'random'
FORMS = 'NAME=CONFIG:CHECKPOINT, NAME=timm:MODEL[:FILE] or NAME=hf:PATH'


def read_subject(text: str, seed: int = 0, image_size: int | None = None) -> Subject:
    """Build what ``NAME=SOURCE`` names.

    Args:
        seed: Of random weights.
        image_size: Another size than the model's own.
    """
    name, equals, source = text.partition('=')
    if not (name and equals and source):
        raise ValueError(f'--model {text}: this is not {FORMS}.')
    kind, _, rest = source.partition(':')
    with torch.random.fork_rng(devices=[]):
        torch.random.default_generator.manual_seed(seed)
        if kind == 'timm':
            return _timm(name, rest, image_size)
        if kind == 'hf':
            return _hugging_face(name, rest, image_size)
        return _openmmlab(name, source, image_size)


def subject_of(
    name: str,
    model: nn.Module,
    source: str = '',
    image_size: int | None = None,
    checkpoint: Path | None = None,
) -> Subject:
    """A model with a ``backbone`` and a ``data_preprocessor``, as OpenMMLab has them."""
    encoder = model.backbone
    adapter = find_adapter(encoder)
    mean, std, rgb = _normalization(model.data_preprocessor)
    return Subject(
        name=name,
        source=source,
        model=model.eval(),
        encoder=encoder,
        forward=encoder,
        adapter=adapter,
        layers=adapter.layers(encoder),
        image_size=image_size or _side(encoder),
        # mean and std are those of the channels as the model gets them
        mean=mean if rgb else mean[::-1],
        std=std if rgb else std[::-1],
        channels=(0, 1, 2) if rgb else (2, 1, 0),
        checkpoint=checkpoint,
    )


def _normalization(preprocessor: nn.Module) -> tuple[tuple, tuple, bool]:
    """Mean, standard deviation, and whether pictures, read as BGR, become RGB."""
    rgb = getattr(preprocessor, 'to_rgb', getattr(preprocessor, '_channel_conversion', False))
    if not preprocessor._enable_normalize:
        return (0.0,) * 3, (1.0,) * 3, rgb
    mean, std = (part.flatten().tolist() for part in (preprocessor.mean, preprocessor.std))
    return tuple(mean), tuple(std), rgb


def _openmmlab(name: str, source: str, image_size: int | None) -> Subject:
    config, colon, checkpoint = source.partition('.py:')
    if not colon:
        raise ValueError(
            f'--model {name}={source}: no checkpoint is named; this is not {FORMS}, where '
            f'CONFIG ends in .py and CHECKPOINT may be {RANDOM!r}.'
        )
    config += '.py'
    if not Path(config).is_file():
        raise FileNotFoundError(f'--model {name}: there is no config at {config}.')
    cfg = Config.fromfile(config)
    if 'data_preprocessor' in cfg:
        cfg.model.setdefault('data_preprocessor', cfg.data_preprocessor)
    file, whole = None, True
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope', 'mim_secrets')):
        if checkpoint == RANDOM:
            _forget_checkpoints(cfg.model)
            model = MODELS.build(cfg.model)
            model._dump_init_info = lambda: None  # two lines for each parameter
            model.init_weights()
        else:
            model = MODELS.build(cfg.model)
            file = newest_checkpoint(checkpoint)
            whole = _load(model, str(file))
    if not hasattr(model, 'backbone'):
        raise ValueError(
            f'--model {name}: a {type(model).__name__} has no backbone; give a config of '
            'pre-training or of a classifier.'
        )
    # as it was typed: a work directory names its newest file by an absolute path
    newest = f'/{Path(file).name}' if file and Path(checkpoint).is_dir() else ''
    source = f'{config}, {checkpoint}{newest}'
    subject = subject_of(name, model, source, image_size, file and Path(file))
    # of what is left untrained nothing must be found out
    return subject if whole else replace(subject, model=subject.encoder)


def _load(model: nn.Module, checkpoint: str) -> bool:
    """All of a model if the file has all of it, else its encoder. Was it all?"""
    tensors = read_checkpoint(checkpoint)
    expected = model.state_dict()
    whole = all(name in tensors and tensors[name].shape == t.shape for name, t in expected.items())
    if whole:
        model.load_state_dict(tensors)
    else:
        load_encoder(model.backbone, tensors, checkpoint)
    return whole


def _forget_checkpoints(cfg: ConfigDict) -> None:
    for key, value in list(cfg.items()):
        if key == 'init_cfg' and loads_checkpoint(value):
            cfg[key] = None
        elif isinstance(value, dict):
            _forget_checkpoints(value)


def _timm(name: str, rest: str, image_size: int | None) -> Subject:
    timm = _needed('timm', name)
    kind, _, file = rest.partition(':')
    if not timm.is_model(kind):
        near = ', '.join(timm.list_models(f'{kind.split("_")[0]}_*')[:3]) or 'timm.list_models()'
        raise ValueError(f'--model {name}: timm has no model {kind!r}; it has {near}.')
    model = timm.create_model(kind, pretrained=not file)
    if file and file != RANDOM:
        tensors = read_checkpoint(file)
        missing = [key for key in model.state_dict() if key not in tensors]
        if missing:
            raise ValueError(
                f'--model {name}: {file} lacks {len(missing)} tensors of {kind}, such as '
                f'{missing[0]}; write the file in its form with '
                'tools/model_converters/convert.py --to timm.'
            )
        model.load_state_dict(tensors, strict=False)
    known = model.pretrained_cfg
    adapter = find_adapter(model)
    return Subject(
        name=name,
        source=f'timm {timm.__version__}, {kind}, {file or "its own weights"}',
        model=model.eval(),
        encoder=model,
        forward=model.forward_features,
        adapter=adapter,
        layers=adapter.layers(model),
        image_size=image_size or known['input_size'][-1],
        mean=tuple(255 * value for value in known['mean']),
        std=tuple(255 * value for value in known['std']),
    )


def _hugging_face(name: str, rest: str, image_size: int | None) -> Subject:
    transformers = _needed('transformers', name)
    path = rest.removesuffix(f':{RANDOM}')
    if path != rest:
        model = transformers.AutoModel.from_config(transformers.AutoConfig.from_pretrained(path))
    else:
        model = transformers.AutoModel.from_pretrained(path)
    try:
        processor = transformers.AutoImageProcessor.from_pretrained(path)
        mean, std = processor.image_mean, processor.image_std
    except (OSError, ValueError):
        mean = std = (0.5, 0.5, 0.5)  # what its ViTs were trained with
    adapter = find_adapter(model)
    return Subject(
        name=name,
        source=f'transformers {transformers.__version__}, {rest}',
        model=model.eval(),
        encoder=model,
        forward=model,
        adapter=adapter,
        layers=adapter.layers(model),
        image_size=image_size or model.config.image_size,
        mean=tuple(255 * value for value in mean),
        std=tuple(255 * value for value in std),
    )


def _needed(library: str, name: str):
    try:
        return __import__(library)
    except ImportError:
        raise ImportError(f'--model {name} needs {library}: pip install {library}.') from None


def _side(encoder: nn.Module) -> int:
    """The size of the images that an encoder of OpenMMLab was built for."""
    size = getattr(encoder, 'img_size', None)
    if size is not None:
        return size if isinstance(size, int) else size[0]
    projection = encoder.patch_embed.projection
    return encoder.patch_embed.init_out_size[0] * projection.stride[0]
