"""The embedded world: small rendered scenes of which everything is known."""

from .ade20k import ADE20K_CLASSES, ADE20K_PRESETS, Ade20kPlayground
from .clips import Clip, ClipStyle, sample_track
from .coco import COCO_CLASSES, COCO_PRESETS, CocoPlayground
from .crowdpose import CROWD_KEYPOINTS, CROWDPOSE_PRESETS, CrowdPosePlayground
from .figures import KEYPOINTS
from .filling import MismatchError, fill
from .got10k import Got10kPlayground
from .groups import GroupStyle, sample_crowd, sample_group
from .kitti import KITTI_PRESETS, KittiPlayground
from .labels import ClipRendering, Rendering, render, render_clip
from .lasot import LasotPlayground
from .nyu import NYU_PRESETS, NyuPlayground
from .render import RENDERER_VERSION, render_image
from .sampling import Style, sample_clip, sample_scene
from .scene import CLASSES, SEMANTIC_CLASSES, Camera, Light, Scene, Thing
from .textures import PATTERNS, Material
from .tracking import CLIP_PRESETS, ClipPlayground, ClipPreset, Track, render_track
from .trackingnet import TrackingnetPlayground
from .writers import PRESETS, Playground, Preset, encode_jpeg, write_imagenet

LAYOUTS = {
    'imagenet': Playground,
    'coco': CocoPlayground,
    'crowdpose': CrowdPosePlayground,
    'ade20k': Ade20kPlayground,
    'nyu': NyuPlayground,
    'kitti': KittiPlayground,
    'lasot': LasotPlayground,
    'got10k': Got10kPlayground,
    'trackingnet': TrackingnetPlayground,
}

__all__ = [
    'ADE20K_CLASSES', 'ADE20K_PRESETS', 'Ade20kPlayground', 'CLASSES', 'CLIP_PRESETS',
    'COCO_CLASSES', 'COCO_PRESETS', 'CROWDPOSE_PRESETS', 'CROWD_KEYPOINTS', 'Camera', 'Clip',
    'ClipPlayground', 'ClipPreset', 'ClipRendering', 'ClipStyle', 'CocoPlayground',
    'CrowdPosePlayground', 'Got10kPlayground', 'GroupStyle', 'KEYPOINTS', 'KITTI_PRESETS',
    'KittiPlayground', 'LAYOUTS', 'LasotPlayground', 'Light', 'Material', 'MismatchError',
    'NYU_PRESETS', 'NyuPlayground', 'PATTERNS', 'PRESETS', 'Playground', 'Preset',
    'RENDERER_VERSION', 'Rendering', 'SEMANTIC_CLASSES', 'Scene', 'Style', 'Thing', 'Track',
    'TrackingnetPlayground', 'encode_jpeg', 'fill', 'render', 'render_clip', 'render_image',
    'render_track', 'sample_clip', 'sample_crowd', 'sample_group', 'sample_scene', 'sample_track',
    'write_imagenet',
]  # fmt: skip
