"""A detector, a segmentor, a pose estimator and a classifier, each its library's own.

Every model is built from a config that inherits the library's base and names our
encoder, as a user's config would.
"""

from pathlib import Path

import numpy as np
import torch
from mmdet.structures import DetDataSample
from mmdet.structures.mask import BitmapMasks
from mmengine.config import Config
from mmengine.optim import OptimWrapper
from mmengine.registry import MODELS, init_default_scope
from mmengine.structures import InstanceData, PixelData
from mmpose.structures import PoseDataSample
from mmpretrain.structures import DataSample
from mmseg.structures import SegDataSample
from torch import nn

HOUSES = ('mmdet', 'mmseg', 'mmpose', 'mmpretrain')
# rows and columns; people stand upright
SIZES = dict(mmdet=(64, 64), mmseg=(64, 64), mmpose=(64, 48), mmpretrain=(32, 32))

CONFIGS = dict(
    mmdet="""
_base_ = 'mmdet::_base_/models/mask-rcnn_r50_fpn.py'
default_scope = 'mmdet'
model = dict(
    backbone=dict(_delete_=True, **{backbone}),
    neck=dict(in_channels={channels}, out_channels=16),
    rpn_head=dict(in_channels=16, feat_channels=16),
    roi_head=dict(
        bbox_roi_extractor=dict(out_channels=16),
        bbox_head=dict(in_channels=16, fc_out_channels=32, num_classes=3),
        mask_roi_extractor=dict(out_channels=16),
        mask_head=dict(in_channels=16, conv_out_channels=16, num_convs=1, num_classes=3)),
    train_cfg=dict(rpn_proposal=dict(max_per_img=20), rcnn=dict(sampler=dict(num=16))))
""",
    mmseg="""
_base_ = 'mmseg::_base_/models/upernet_r50.py'
default_scope = 'mmseg'
norm_cfg = dict(type='BN', requires_grad=True)
model = dict(
    data_preprocessor=dict(size={size}),
    pretrained=None,
    backbone=dict(_delete_=True, **{backbone}),
    decode_head=dict(in_channels={channels}, in_index={index}, channels=16, num_classes=3,
                     pool_scales=(1, 2), norm_cfg=norm_cfg),
    auxiliary_head=dict(in_channels={channels}[-1], in_index=-1, channels=8, num_classes=3,
                        norm_cfg=norm_cfg))
""",
    mmpose="""
default_scope = 'mmpose'
codec = dict(type='UDPHeatmap', input_size={size}, heatmap_size=(16, 16), sigma=2)
model = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(type='PoseDataPreprocessor'),
    backbone=dict(**{backbone}),
    head=dict(type='HeatmapHead', in_channels={channels}[-1], out_channels=5,
              deconv_out_channels=(16,), deconv_kernel_sizes=(4,), decoder=codec,
              loss=dict(type='KeypointMSELoss', use_target_weight=True)))
""",
    mmpretrain="""
default_scope = 'mmpretrain'
model = dict(
    type='ImageClassifier',
    data_preprocessor=dict(type='ClsDataPreprocessor', num_classes=3),
    backbone=dict(**{backbone}),
    neck={neck},
    head=dict(type='LinearClsHead', num_classes=3, in_channels={channels}[-1],
              loss=dict(type='CrossEntropyLoss', loss_weight=1.0)))
""",
)


def build_house(house: str, folder: Path, backbone: dict, channels: list[int]) -> nn.Module:
    """The model of one library around our encoder, initialised as its runner would."""
    file = folder / f'{house}_{abs(hash(str(backbone)))}.py'
    pooled = backbone.get('out_type') == 'avg'
    file.write_text(
        CONFIGS[house].format(
            backbone=backbone,
            channels=channels,
            size=SIZES[house],
            index=list(range(len(channels))),
            neck=None if pooled else dict(type='GlobalAveragePooling'),
        )
    )
    cfg = Config.fromfile(file)
    init_default_scope(cfg.default_scope)
    model = MODELS.build(cfg.model)
    model.init_weights()
    return model


def train_one_step(house: str, model: nn.Module) -> dict[str, torch.Tensor]:
    """The losses of one optimizer step on two images of noise."""
    images = [torch.randint(0, 255, (3, *SIZES[house])).float() for _ in range(2)]
    data = dict(inputs=images, data_samples=[SAMPLES[house](SIZES[house]) for _ in images])
    if house == 'mmpretrain':
        data['inputs'] = torch.stack(images)  # its loader stacks, the others' do not
    optimizer = OptimWrapper(torch.optim.SGD(model.parameters(), lr=1e-3))
    return model.train().train_step(data, optimizer)


def _meta(size: tuple[int, int]) -> dict:
    return dict(img_shape=size, ori_shape=size, pad_shape=size, batch_input_shape=size)


def _box_with_mask(size: tuple[int, int]) -> DetDataSample:
    mask = np.zeros((1, *size), dtype=np.uint8)
    mask[0, 8:40, 16:56] = 1
    instances = InstanceData(
        bboxes=torch.tensor([[16.0, 8.0, 56.0, 40.0]]),
        labels=torch.tensor([1]),
        masks=BitmapMasks(mask, *size),
    )
    return DetDataSample(metainfo=_meta(size), gt_instances=instances)


def _labelled_pixels(size: tuple[int, int]) -> SegDataSample:
    labels = PixelData(data=torch.randint(0, 3, (1, *size)))
    return SegDataSample(metainfo=_meta(size), gt_sem_seg=labels)


def _person(size: tuple[int, int]) -> PoseDataSample:
    sample = PoseDataSample(metainfo=dict(_meta(size), input_size=size[::-1]))
    sample.gt_fields = PixelData(heatmaps=torch.rand(5, size[0] // 4, size[1] // 4))
    sample.gt_instance_labels = InstanceData(keypoint_weights=torch.ones(1, 5))
    return sample


def _labelled_image(size: tuple[int, int]) -> DataSample:
    return DataSample(metainfo=_meta(size)).set_gt_label(1)


SAMPLES = dict(
    mmdet=_box_with_mask,
    mmseg=_labelled_pixels,
    mmpose=_person,
    mmpretrain=_labelled_image,
)
