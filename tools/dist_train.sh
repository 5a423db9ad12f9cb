#!/usr/bin/env bash
# Usage: bash tools/dist_train.sh CONFIG GPUS [flags of tools/train.py]
# Over several machines, set on each: NNODES, NODE_RANK, MASTER_ADDR, PORT.
set -euo pipefail

CONFIG=$1
GPUS=$2
FLAGS=("${@:3}")
TARGET=("$CONFIG")

python -m torch.distributed.run \
    --nnodes="${NNODES:-1}" \
    --node_rank="${NODE_RANK:-0}" \
    --master_addr="${MASTER_ADDR:-127.0.0.1}" \
    --master_port="${PORT:-29500}" \
    --nproc_per_node="$GPUS" \
    "$(dirname "$0")/train.py" "${TARGET[@]}" --launcher pytorch "${FLAGS[@]}"
