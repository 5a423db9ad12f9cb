"""The embedded world: small rendered scenes of which everything is known."""

from .figures import KEYPOINTS
from .labels import ClipRendering, Rendering, render, render_clip
from .render import RENDERER_VERSION, render_image
from .sampling import Style, sample_clip, sample_scene
from .scene import CLASSES, SEMANTIC_CLASSES, Camera, Light, Scene, Thing
from .textures import PATTERNS, Material
from .writers import PRESETS, MismatchError, Playground, Preset, encode_jpeg, write_imagenet

__all__ = [
    'CLASSES', 'Camera', 'ClipRendering', 'KEYPOINTS', 'Light', 'Material', 'MismatchError',
    'PATTERNS', 'PRESETS', 'Playground', 'Preset', 'RENDERER_VERSION', 'Rendering',
    'SEMANTIC_CLASSES', 'Scene', 'Style', 'Thing', 'encode_jpeg', 'render', 'render_clip',
    'render_image', 'sample_clip', 'sample_scene', 'write_imagenet',
]  # fmt: skip
