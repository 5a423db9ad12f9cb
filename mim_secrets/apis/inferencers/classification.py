"""What is in an image."""

from mmengine.structures import BaseDataElement

from mim_secrets.apis.inferencers.base import Inferencer
from mim_secrets.apis.inferencers.canvas import Canvas, colour_of


class ClassificationInferencer(Inferencer):
    """Of models in configs of mmpretrain.

    A prediction has ``pred_label``, ``pred_class``, ``pred_score``, and ``pred_scores`` of
    all classes as an array. ``top``: so many classes are written below a picture.
    """

    library, project = 'mmpretrain', 'MMPreTrain'
    predicts = 'pred_score'
    visualize_kwargs = {'top'}

    def describe(self, output: BaseDataElement) -> dict:
        scores = output.pred_score.numpy()
        label = int(scores.argmax())
        return dict(
            pred_label=label,
            pred_class=self.class_name(label),
            pred_score=float(scores[label]),
            pred_scores=scores,
        )

    def draw(self, canvas: Canvas, prediction: dict, top: int = 5) -> None:
        scores = prediction['pred_scores']
        best = scores.argsort()[::-1][:top].tolist()
        rows = [(colour_of(label), float(scores[label]), self.class_name(label)) for label in best]
        canvas.table(rows)
