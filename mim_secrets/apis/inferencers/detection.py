"""Which things are in an image, where, and which pixels are theirs."""

from mmengine.structures import BaseDataElement

from mim_secrets.apis.inferencers.base import Inferencer
from mim_secrets.apis.inferencers.canvas import Canvas, colour_of


class DetectionInferencer(Inferencer):
    """Of models in configs of mmdet, with masks or without.

    A prediction has ``labels``, ``classes`` (their names), ``scores``, ``bboxes`` as
    x0, y0, x1, y1, and where the model has them ``masks`` as COCO's run lengths.
    ``pred_score_thr``: things of a lower score are not drawn.
    """

    library, project = 'mmdet', 'MMDetection'
    predicts = 'pred_instances'
    visualize_kwargs = {'pred_score_thr'}

    def describe(self, output: BaseDataElement) -> dict:
        things = output.pred_instances.numpy()
        prediction = dict(
            labels=things.labels.tolist(),
            classes=[self.class_name(label) for label in things.labels.tolist()],
            scores=things.scores.tolist(),
            bboxes=things.bboxes.tolist(),
        )
        if 'masks' in things:
            from mmdet.structures.mask import encode_mask_results

            runs = encode_mask_results(things.masks)
            prediction['masks'] = [dict(run, counts=run['counts'].decode()) for run in runs]
        return prediction

    def draw(self, canvas: Canvas, prediction: dict, pred_score_thr: float = 0.3) -> None:
        scores = prediction['scores']
        shown = [index for index, score in enumerate(scores) if score >= pred_score_thr]
        shown.sort(key=scores.__getitem__)  # the surest on top
        colours = [colour_of(prediction['labels'][index]) for index in shown]
        if 'masks' in prediction and shown:
            from pycocotools.mask import decode

            masks = decode([prediction['masks'][index] for index in shown])  # (H, W, N)
            canvas.regions(masks.transpose(2, 0, 1).astype(bool), colours)
        for index, colour in zip(shown, colours, strict=True):
            canvas.box(prediction['bboxes'][index], colour)
        for index, colour in zip(reversed(shown), reversed(colours), strict=True):
            text = f'{prediction["classes"][index]} {scores[index]:.0%}'
            canvas.label(text, prediction['bboxes'][index][:2], colour)
        if not shown:
            surest = f', the surest {max(scores):.0%}' if scores else ''
            canvas.note(f'nothing from {pred_score_thr:.0%} on{surest}')
