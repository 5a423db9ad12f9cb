"""Layouts of plain vision transformers: theirs on the left, ours on the right."""

from dataclasses import replace

from mim_secrets.checkpoint.layouts.changes import (
    CLASS_ROW_ADDED,
    GRID,
    GRID_BESIDE_CLASS,
    JOINED,
    LOGITS,
    SHARED,
    WITHOUT_KEY_BIAS,
)
from mim_secrets.checkpoint.layouts.layout import HERE, Layout
from mim_secrets.checkpoint.renaming import Rule, same, under

# ---- ours and the rest of OpenMMLab ----

DECODER_AND_HEAD = same('neck.*', 'head.*')
SURROUNDINGS = (*DECODER_AND_HEAD, *same('fusion.*'))
STEM = same('cls_token', 'pos_embed', 'mask_token', 'patch_embed.*', 'pre_norm.*')
NORMS = same('ln1.*', 'ln2.*')
# a decoder may have such blocks, too, but no patches
BLOCK_OF_PATCHES = ('layers.0.ln1.weight', 'patch_embed.projection.weight')

OURS = Layout(
    HERE,
    'vit',
    "this package; mmpretrain's ViT, MAE, SimMIM; mmpose's ViTPose",
    encoder_at='backbone.',
    signs=(*BLOCK_OF_PATCHES, 'layers.0.attn.qkv.weight', 'layers.0.ffn.layers.0.0.weight'),
    absent=('layers.0.gamma_1',),
    encoder=(*STEM, *same('layers.{n}.*'), *NORMS),
    beside=SURROUNDINGS,
)

# mmpretrain keeps MFF's fusion inside the encoder.
MFF_FUSION = (
    Rule('backbone.proj_layers.{n}.*', 'fusion.projections.{n}.*'),
    Rule('backbone.proj_weights', 'fusion.level_logits', LOGITS),
)

MMPRETRAIN = replace(
    OURS,
    name='mmpretrain',
    about="mmpretrain's MFF; without fusion the same as mim_secrets",
    signs=(*OURS.signs, 'proj_weights'),
    beside=(*MFF_FUSION, *DECODER_AND_HEAD),
)

MMPRETRAIN_SAM = replace(
    OURS,
    name='mmpretrain-sam',
    about="mmpretrain's ViTSAM, which is a ViTDet where out_channels=0",
    signs=(*OURS.signs, 'pos_embed (1, H, W, C)'),
    encoder=(
        Rule('pos_embed', ('pos_embed', 'cls_token'), GRID_BESIDE_CLASS),
        Rule('pos_embed', 'pos_embed', GRID),
        *same('patch_embed.*', 'layers.{n}.*'),
    ),
    beside=same('head.*'),
)

SCALES = (
    Rule('gamma_1', 'attn.gamma1.weight'),
    Rule('gamma_2', 'ffn.gamma2.weight'),
)
BEIT_BIAS = Rule(('attn.q_bias', 'attn.v_bias'), 'attn.qkv.bias', WITHOUT_KEY_BIAS)
TABLE = 'attn.relative_position_bias_table'
SHARED_TABLE = Rule('rel_pos_bias.relative_position_bias_table', 'layers.{n}.' + TABLE, SHARED)

MMPRETRAIN_BEIT = replace(
    OURS,
    name='mmpretrain-beit',
    about="mmpretrain's BEiTViT and mmseg's BEiT",
    signs=(*BLOCK_OF_PATCHES, 'layers.0.attn.q_bias'),
    absent=(),
    encoder=(
        *under('layers.{n}.', 'layers.{n}.', (*SCALES, BEIT_BIAS)),
        *OURS.encoder,
        SHARED_TABLE,
    ),
    beside=same('head.*'),
)

MMSEG_MAE = replace(
    OURS,
    name='mmseg-mae',
    about="mmseg's MAE; mmpretrain's BEiTViT with bias=True",
    signs=(*BLOCK_OF_PATCHES, 'layers.0.gamma_1', 'layers.0.attn.qkv.bias'),
    absent=(),
    encoder=(*under('layers.{n}.', 'layers.{n}.', SCALES), *OURS.encoder),
    beside=(),
)

MMSEG = replace(
    OURS,
    name='mmseg',
    about="mmseg's VisionTransformer",
    signs=(*BLOCK_OF_PATCHES, 'layers.0.attn.attn.in_proj_weight'),
    absent=(),
    encoder=(
        Rule('layers.{n}.attn.attn.in_proj_weight', 'layers.{n}.attn.qkv.weight'),
        Rule('layers.{n}.attn.attn.in_proj_bias', 'layers.{n}.attn.qkv.bias'),
        Rule('layers.{n}.attn.attn.out_proj.*', 'layers.{n}.attn.proj.*'),
        *OURS.encoder,
    ),
    beside=(),
)

# ---- timm, and what descends from it ----

PATCHES = (Rule('patch_embed.proj.*', 'patch_embed.projection.*'),)
TIMM_BLOCK = (
    Rule('norm1.*', 'ln1.*'),
    Rule('attn.qkv.*', 'attn.qkv.*'),
    Rule('attn.proj.*', 'attn.proj.*'),
    Rule('ls1.gamma', 'attn.gamma1.weight'),
    Rule('norm2.*', 'ln2.*'),
    Rule('mlp.fc1.*', 'ffn.layers.0.0.*'),
    Rule('mlp.fc2.*', 'ffn.layers.1.*'),
    Rule('ls2.gamma', 'ffn.gamma2.weight'),
)
TIMM_STEM = (*same('cls_token', 'pos_embed'), *PATCHES, Rule('norm_pre.*', 'pre_norm.*'))
TIMM_NORMS = (Rule('norm.*', 'ln1.*'), Rule('fc_norm.*', 'ln2.*'))
TIMM_BLOCKS = under('blocks.{n}.', 'layers.{n}.', TIMM_BLOCK)
# a linear head, and mmpretrain's VisionTransformerClsHead
HEAD = (Rule('head.*', 'head.fc.*'), Rule('head.*', 'head.layers.head.*'))

TIMM = Layout(
    'timm',
    'vit',
    "timm's ViT and DeiT; MAE's released encoders and fine-tuned models",
    encoder_at='',
    signs=(
        'blocks.0.norm1.weight',
        'blocks.0.attn.qkv.weight',
        'blocks.0.mlp.fc1.weight',
        'patch_embed.proj.weight',
    ),
    absent=('blocks.0.attn.q_norm.weight', 'blocks.0.attn.q_bias', 'reg_token'),
    encoder=(*TIMM_STEM, *TIMM_BLOCKS, *TIMM_NORMS),
    beside=HEAD,
)

MAE = replace(
    TIMM,
    name='mae',
    about='facebookresearch/mae with its decoder',
    signs=(*TIMM.signs, 'decoder_embed.weight'),
    beside=(
        Rule('decoder_embed.*', 'neck.decoder_embed.*'),
        Rule('mask_token', 'neck.mask_token'),
        Rule('decoder_pos_embed', 'neck.decoder_pos_embed'),
        *under('decoder_blocks.{n}.', 'neck.decoder_blocks.{n}.', TIMM_BLOCK),
        Rule('decoder_norm.*', 'neck.ln1.*'),
        Rule('decoder_pred.*', 'neck.decoder_pred.*'),
    ),
    file_key='model',
)

BEIT_BLOCKS = under('blocks.{n}.', 'layers.{n}.', (*SCALES, BEIT_BIAS, *same(TABLE), *TIMM_BLOCK))
PIXELS = (Rule('decoder.0.*', 'neck.decoder.0.*'),)  # SimMIM's decoder

BEIT = replace(
    TIMM,
    name='beit',
    about="microsoft/unilm's BEiT, timm's Beit, SimMIM's fine-tuned ViTs",
    signs=(*TIMM.signs, 'blocks.0.attn.q_bias'),
    absent=(),
    encoder=(*TIMM_STEM, *same('mask_token'), *BEIT_BLOCKS, *TIMM_NORMS),
    file_key='model',
)

SIMMIM = replace(
    BEIT,
    name='simmim',
    about='microsoft/SimMIM, and any BEiT with a bias table that its blocks share',
    encoder_at='encoder.',
    signs=(*BEIT.signs, SHARED_TABLE.theirs[0]),
    encoder=(SHARED_TABLE, *BEIT.encoder),
    beside=PIXELS,
)

VITDET_BLOCK = (*same('attn.rel_pos_h', 'attn.rel_pos_w'), *TIMM_BLOCK)
NO_CLASS_TOKEN = ('cls_token', 'norm.weight', 'fc_norm.weight', 'last_norm.weight')

DETECTRON2 = replace(
    TIMM,
    name='detectron2',
    about="detectron2's ViTDet; its positions keep a row for a class token",
    encoder_at='backbone.net.',
    absent=(*TIMM.absent, *NO_CLASS_TOKEN),
    encoder=(
        *same('pos_embed'),
        *PATCHES,
        *under('blocks.{n}.', 'layers.{n}.', VITDET_BLOCK),
    ),
    beside=(),
    file_key='model',
)

VITPOSE = replace(
    TIMM,
    name='vitpose',
    about="ViTAE-Transformer/ViTPose, the authors' own files",
    encoder_at='backbone.',
    signs=(*TIMM.signs, 'last_norm.weight'),
    encoder=(
        Rule('pos_embed', 'pos_embed', CLASS_ROW_ADDED),
        *PATCHES,
        *TIMM_BLOCKS,
        Rule('last_norm.*', 'ln1.*'),
    ),
    beside=(),
    writes=False,
)

# ---- Hugging Face ----

QKV = tuple(f'attention.attention.{part}.*' for part in ('query', 'key', 'value'))
HF_BLOCK = (
    Rule('layernorm_before.*', 'ln1.*'),
    Rule(QKV, 'attn.qkv.*', JOINED),
    Rule('attention.output.dense.*', 'attn.proj.*'),
    Rule('layernorm_after.*', 'ln2.*'),
    Rule('intermediate.dense.*', 'ffn.layers.0.0.*'),
    Rule('output.dense.*', 'ffn.layers.1.*'),
)
HF_HEAD = tuple(Rule('classifier.*', rule.ours) for rule in HEAD)

HUGGINGFACE = Layout(
    'huggingface',
    'vit',
    "transformers' ViT, ViTMAE with decoder, and DeiT",
    encoder_at='vit.',
    signs=(
        'encoder.layer.0.layernorm_before.weight',
        'embeddings.patch_embeddings.projection.weight',
    )
    + ('encoder.layer.0.attention.attention.query.weight',),
    absent=('encoder.layer.0.lambda_1',),
    encoder=(
        Rule('embeddings.cls_token', 'cls_token'),
        Rule('embeddings.mask_token', 'mask_token'),
        Rule('embeddings.position_embeddings', 'pos_embed'),
        Rule('embeddings.patch_embeddings.projection.*', 'patch_embed.projection.*'),
        *under('encoder.layer.{n}.', 'layers.{n}.', HF_BLOCK),
        Rule('layernorm.*', 'ln1.*'),
    ),
    beside=(
        *HF_HEAD,
        *PIXELS,
        Rule('decoder.mask_token', 'neck.mask_token'),
        Rule('decoder.decoder_embed.*', 'neck.decoder_embed.*'),
        Rule('decoder.decoder_pos_embed', 'neck.decoder_pos_embed'),
        *under('decoder.decoder_layers.{n}.', 'neck.decoder_blocks.{n}.', HF_BLOCK),
        Rule('decoder.decoder_norm.*', 'neck.ln1.*'),
        Rule('decoder.decoder_pred.*', 'neck.decoder_pred.*'),
    ),
    file_key='',
)

# Where a file fits several, the first one counts.
VITS = (
    MMPRETRAIN,
    MMPRETRAIN_SAM,
    MMPRETRAIN_BEIT,
    MMSEG_MAE,
    MMSEG,
    OURS,
    MAE,
    SIMMIM,
    BEIT,
    VITPOSE,
    DETECTRON2,
    TIMM,
    HUGGINGFACE,
)
