"""Layouts of Swin and SwinV2: theirs on the left, ours on the right."""

from dataclasses import replace

from mim_secrets.checkpoint.layouts.changes import JOINED, MERGING, ONLY_READ
from mim_secrets.checkpoint.layouts.layout import HERE, Layout
from mim_secrets.checkpoint.layouts.vit import (
    DECODER_AND_HEAD,
    HF_HEAD,
    PATCHES,
    PIXELS,
    SURROUNDINGS,
)
from mim_secrets.checkpoint.renaming import Rule, same, under

STAGE = 'stages.{s}.blocks.{b}.'
BIAS_TABLE = 'attn.relative_position_bias_table'

# ---- ours and the rest of OpenMMLab ----

OURS = Layout(
    HERE,
    'swin',
    "this package; mmpretrain's, mmdet's, mmseg's and mmpose's Swin, SimMIM",
    encoder_at='backbone.',
    signs=(
        'stages.0.blocks.0.norm1.weight',
        'patch_embed.projection.weight',
        'stages.0.blocks.0.attn.w_msa.relative_position_bias_table',
    ),
    encoder=same('patch_embed.*', 'absolute_pos_embed', 'mask_token', 'stages.{s}.*', 'norm{s}.*'),
    beside=SURROUNDINGS,
)
OURS_V2 = replace(
    OURS,
    family='swin_v2',
    about="this package; mmpretrain's SwinTransformerV2",
    signs=(*OURS.signs[:2], 'stages.0.blocks.0.attn.w_msa.logit_scale'),
    # written by depth estimation, and by mmseg's segmentors
    beside=(*SURROUNDINGS, *same('decode_head.*')),
)

# written only, since a file of mmpretrain's is told as ours
MMPRETRAIN = replace(
    OURS,
    name='mmpretrain',
    about="mmpretrain's Swin and SimMIM, the same as mim_secrets",
    beside=DECODER_AND_HEAD,
)
MMPRETRAIN_V2 = replace(
    OURS_V2,
    name='mmpretrain',
    about="mmpretrain's SwinTransformerV2, the same as mim_secrets",
    beside=DECODER_AND_HEAD,
)

# ---- the original code, and what descends from it ----

STEM = (*PATCHES, *same('patch_embed.norm.*', 'absolute_pos_embed', 'mask_token'))
LAST_NORM = (Rule('norm.*', 'norm{last}.*'),)
MLP = (
    Rule('mlp.fc1.*', 'ffn.layers.0.0.*'),
    Rule('mlp.fc2.*', 'ffn.layers.1.*'),
)
BLOCK = (
    *same('norm1.*', 'norm2.*'),
    *MLP,
    Rule('attn.qkv.*', 'attn.w_msa.qkv.*'),
    Rule('attn.proj.*', 'attn.w_msa.proj.*'),
    Rule(BIAS_TABLE, 'attn.w_msa.relative_position_bias_table'),
)
CPB = (
    Rule('attn.cpb_mlp.*', 'attn.w_msa.cpb_mlp.*'),
    Rule('attn.rpe_mlp.*', 'attn.w_msa.cpb_mlp.*'),
)
THEIR_COORDS, COORDS = 'attn.relative_coords_table', 'attn.w_msa.relative_coords_table'
BLOCK_V2 = (
    *same('norm1.*', 'norm2.*'),
    *MLP,
    Rule('attn.logit_scale', 'attn.w_msa.logit_scale'),
    Rule('attn.q_bias', 'attn.w_msa.q_bias'),
    Rule('attn.v_bias', 'attn.w_msa.v_bias'),
    Rule('attn.qkv.weight', 'attn.w_msa.qkv.weight'),
    Rule('attn.proj.*', 'attn.w_msa.proj.*'),
)
# V1 normalises four patches before it merges them, V2 the one that they became
DOWN = (
    Rule('downsample.reduction.weight', 'downsample.reduction.weight', MERGING),
    Rule('downsample.norm.*', 'downsample.norm.*', MERGING),
)
DOWN_V2 = (
    Rule('downsample.reduction.weight', 'downsample.reduction.weight', MERGING),
    *same('downsample.norm.*'),
)

MICROSOFT = Layout(
    'swin-transformer',
    'swin',
    'microsoft/Swin-Transformer; fine-tuned SimMIM; timm before 0.9',
    encoder_at='',
    signs=(
        'layers.0.blocks.0.norm1.weight',
        'patch_embed.proj.weight',
        'layers.0.blocks.0.' + BIAS_TABLE,
        'layers.0.downsample.reduction.weight',
    ),
    encoder=(
        *STEM,
        *under('layers.{s}.blocks.{b}.', STAGE, BLOCK),
        *under('layers.{s}.', 'stages.{s}.', DOWN),
        *LAST_NORM,
    ),
    beside=(Rule('head.*', 'head.fc.*'),),
    file_key='model',
)
MICROSOFT_V2 = replace(
    MICROSOFT,
    family='swin_v2',
    about='microsoft/Swin-Transformer, V2; fine-tuned SimMIM',
    signs=(
        *MICROSOFT.signs[:2],
        'layers.0.blocks.0.attn.logit_scale',
        'layers.0.downsample.reduction.weight',
    ),
    encoder=(
        *STEM,
        *under('layers.{s}.blocks.{b}.', STAGE, (*BLOCK_V2, *CPB, Rule(THEIR_COORDS, COORDS))),
        *under('layers.{s}.', 'stages.{s+1}.', DOWN_V2),
        *LAST_NORM,
    ),
)

SIMMIM = replace(
    MICROSOFT,
    name='simmim',
    about='microsoft/SimMIM',
    encoder_at='encoder.',
    beside=PIXELS,
)
SIMMIM_V2 = replace(
    MICROSOFT_V2,
    name='simmim',
    about="SimMIM's released SwinV2 files, with rpe_mlp",
    encoder_at='encoder.',
    encoder=(*under('layers.{s}.blocks.{b}.', STAGE, CPB[::-1]), *MICROSOFT_V2.encoder),
    beside=PIXELS,
)
# Told by what is not there: `norm3` and its like stand for the one norm of the last stage.
MIM_DEPTH_V2 = replace(
    SIMMIM_V2,
    name='mim-depth',
    about="Dark Secrets' released depth models, with rpe_mlp and decoder",
    absent=('norm.weight',),
    encoder=(*same('norm{s}.*'), *SIMMIM_V2.encoder),
    beside=(
        Rule('decoder.deconv_layers.{n}.*', 'decode_head.deconv_layers.{n}.*'),
        Rule('decoder.conv_layers.{n}.*', 'decode_head.conv_layers.{n}.*'),
        Rule('last_layer_depth.{n}.*', 'decode_head.prediction.{n}.*'),
        *SIMMIM_V2.beside,
    ),
)

TIMM = replace(
    MICROSOFT,
    name='timm',
    about="timm's Swin",
    signs=MICROSOFT.signs[:3],
    absent=('layers.0.downsample.reduction.weight',),
    encoder=(
        *STEM,
        *under('layers.{s}.blocks.{b}.', STAGE, BLOCK),
        *under('layers.{s+1}.', 'stages.{s}.', DOWN),
        *LAST_NORM,
    ),
    beside=same('head.fc.*'),
    file_key='state_dict',
)
TIMM_V2 = replace(
    MICROSOFT_V2,
    name='timm',
    about="timm's SwinV2",
    signs=MICROSOFT_V2.signs[:3],
    absent=TIMM.absent,
    encoder=(
        *STEM,
        *under('layers.{s}.blocks.{b}.', STAGE, (*BLOCK_V2, *CPB)),
        Rule('layers.{s}.blocks.{b}.' + THEIR_COORDS, STAGE + COORDS, ONLY_READ),
        *under('layers.{s}.', 'stages.{s}.', DOWN_V2),
        *LAST_NORM,
    ),
    beside=TIMM.beside,
    file_key='state_dict',
)

# ---- Hugging Face ----

SELF = 'attention.self.'
QUERY, KEY, VALUE = (f'{SELF}{part}.' for part in ('query', 'key', 'value'))
HF_BLOCK = (
    Rule('layernorm_before.*', 'norm1.*'),
    Rule('layernorm_after.*', 'norm2.*'),
    Rule('intermediate.dense.*', 'ffn.layers.0.0.*'),
    Rule('output.dense.*', 'ffn.layers.1.*'),
    Rule('attention.output.dense.*', 'attn.w_msa.proj.*'),
)
HF_STEM = (
    Rule('embeddings.patch_embeddings.projection.*', 'patch_embed.projection.*'),
    Rule('embeddings.norm.*', 'patch_embed.norm.*'),
    Rule('embeddings.position_embeddings', 'absolute_pos_embed'),
    Rule('embeddings.mask_token', 'mask_token'),
)
HF_BLOCK_V1 = (
    *HF_BLOCK,
    Rule((QUERY + '*', KEY + '*', VALUE + '*'), 'attn.w_msa.qkv.*', JOINED),
    Rule(SELF + 'relative_position_bias_table', 'attn.w_msa.relative_position_bias_table'),
)
HF_BLOCK_V2 = (
    *HF_BLOCK,
    Rule((QUERY + 'weight', KEY + 'weight', VALUE + 'weight'), 'attn.w_msa.qkv.weight', JOINED),
    Rule(QUERY + 'bias', 'attn.w_msa.q_bias'),
    Rule(VALUE + 'bias', 'attn.w_msa.v_bias'),
    Rule(SELF + 'logit_scale', 'attn.w_msa.logit_scale'),
    Rule(SELF + 'continuous_position_bias_mlp.*', 'attn.w_msa.cpb_mlp.*'),
    Rule(SELF + 'relative_coords_table', COORDS, ONLY_READ),
)
HF_NORM = (Rule('layernorm.*', 'norm{last}.*'),)

HUGGINGFACE = Layout(
    'huggingface',
    'swin',
    "transformers' Swin",
    encoder_at='swin.',
    signs=(
        'encoder.layers.0.blocks.0.layernorm_before.weight',
        'embeddings.patch_embeddings.projection.weight',
        f'encoder.layers.0.blocks.0.{SELF}relative_position_bias_table',
    ),
    encoder=(
        *HF_STEM,
        *under('encoder.layers.{s}.blocks.{b}.', STAGE, HF_BLOCK_V1),
        *under('encoder.layers.{s}.', 'stages.{s}.', DOWN),
        *HF_NORM,
    ),
    beside=(*HF_HEAD, *PIXELS),
    file_key='',
)
HUGGINGFACE_V2 = replace(
    HUGGINGFACE,
    family='swin_v2',
    about="transformers' Swinv2",
    encoder_at='swinv2.',
    signs=(*HUGGINGFACE.signs[:2], f'encoder.layers.0.blocks.0.{SELF}logit_scale'),
    encoder=(
        *HF_STEM,
        *under('encoder.layers.{s}.blocks.{b}.', STAGE, HF_BLOCK_V2),
        *under('encoder.layers.{s}.', 'stages.{s+1}.', DOWN_V2),
        *HF_NORM,
    ),
)

# Where a file fits several, the first one counts.
SWINS = (
    OURS,
    MMPRETRAIN,
    MICROSOFT,
    SIMMIM,
    TIMM,
    HUGGINGFACE,
    OURS_V2,
    MMPRETRAIN_V2,
    MIM_DEPTH_V2,
    MICROSOFT_V2,
    SIMMIM_V2,
    TIMM_V2,
    HUGGINGFACE_V2,
)
