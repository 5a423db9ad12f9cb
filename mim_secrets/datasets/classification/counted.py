"""mmpretrain's data sets that are read as they are, with their splits counted."""

from mmpretrain import datasets

from mim_secrets.registry import DATASETS

from .counting import Counted


@DATASETS.register_module()
class DTD(Counted, datasets.DTD):
    """Split 1 of ten: ``images/CLASS/*.jpg`` and ``imdb/imdb.mat``."""


@DATASETS.register_module()
class FGVCAircraft(Counted, datasets.FGVCAircraft):
    """``data/images/*.jpg`` and ``data/images_variant_*.txt``."""


@DATASETS.register_module()
class Flowers102(Counted, datasets.Flowers102):
    """``jpg/*.jpg``, ``imagelabels.mat`` and ``setid.mat``."""


@DATASETS.register_module()
class Food101(Counted, datasets.Food101):
    """``images/CLASS/*.jpg`` and ``meta/{train,test}.txt``."""


@DATASETS.register_module()
class OxfordIIITPet(Counted, datasets.OxfordIIITPet):
    """``images/*.jpg`` and ``annotations/{trainval,test}.txt``."""


@DATASETS.register_module()
class StanfordCars(Counted, datasets.StanfordCars):
    """``car_ims/*.jpg`` and ``cars_annos.mat``, or the older two archives."""


@DATASETS.register_module()
class SUN397(Counted, datasets.SUN397):
    """Partition 1 of ten: ``SUN397/*/*/*.jpg`` and ``Partitions/*_01.txt``."""


@DATASETS.register_module()
class VOC(Counted, datasets.VOC):
    """``JPEGImages/*.jpg``, ``Annotations/*.xml`` and ``ImageSets/Main/*.txt``."""
