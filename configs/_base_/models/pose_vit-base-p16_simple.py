"""One convolution over the enlarged map where ViTPose has two deconvolutions."""

_base_ = './pose_vit-base-p16_classic.py'

model = dict(
    neck=dict(type='FeatureMapProcessor', scale_factor=4.0, apply_relu=True),
    head=dict(
        deconv_out_channels=None,
        deconv_kernel_sizes=None,
        final_layer=dict(kernel_size=3, padding=1),
    ),
)
