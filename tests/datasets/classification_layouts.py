"""The data sets of transfer, tiny, in the folders and files of their official archives.

Each ``write_NAME(root)`` gives {split: [(file name, label), ...]}, in the set's order.
"""

import hashlib
import json
import pickle
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from scipy.io import savemat

from tests.datasets.pictures import picture

Truth = dict[str, list[tuple[str, object]]]


def write_image(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), picture(8, 8, seed=len(path.name)))


def write_lines(path: Path, *lines: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(''.join(f'{line}\n' for line in lines))


def cell(*texts: str) -> np.ndarray:
    """A row of texts as MATLAB keeps it."""
    row = np.empty((1, len(texts)), dtype=object)
    row[0] = texts
    return row


def write_food101(root: Path) -> Truth:
    for name in ('apple_pie/1', 'waffles/2', 'waffles/3'):
        write_image(root / 'images' / f'{name}.jpg')
    write_lines(root / 'meta/train.txt', 'apple_pie/1', 'waffles/2')
    write_lines(root / 'meta/test.txt', 'waffles/3')
    return dict(train=[('1.jpg', 0), ('2.jpg', 100)], test=[('3.jpg', 100)])


def cifar_pickle(path: Path, key: str, pixels: np.ndarray, labels: list[int]) -> None:
    """A batch as Python 2 pickled it, with names that NumPy 2 has moved."""
    content = pickle.dumps({'data': pixels, key: labels}, protocol=2)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.replace(b'numpy._core', b'numpy.core'))


def cifar_pixels(count: int) -> np.ndarray:
    """Red images, (N, 3072): all of red before green and blue."""
    planes = np.zeros((count, 3, 1024), dtype=np.uint8)
    planes[:, 0] = 255
    return planes.reshape(count, 3072)


def write_cifar10(root: Path) -> Truth:
    folder = root / 'cifar-10-batches-py'
    for batch in range(1, 6):
        cifar_pickle(folder / f'data_batch_{batch}', 'labels', cifar_pixels(1), [batch])
    cifar_pickle(folder / 'test_batch', 'labels', cifar_pixels(2), [9, 0])
    return dict(train=[('', batch) for batch in range(1, 6)], test=[('', 9), ('', 0)])


def write_cifar100(root: Path) -> Truth:
    folder = root / 'cifar-100-python'
    cifar_pickle(folder / 'train', 'fine_labels', cifar_pixels(2), [99, 1])
    cifar_pickle(folder / 'test', 'fine_labels', cifar_pixels(1), [2])
    return dict(train=[('', 99), ('', 1)], test=[('', 2)])


def write_birdsnap(root: Path) -> Truth:
    header = ('id\tcommon\tscientific\tdir', 'url\tmd5\tpath\tspecies_id\tbb_x1')
    write_lines(root / 'species.txt', header[0], '1\tJay\tC. c.\tJay', '7\tAuk "B"\tA. t.\tAuk')
    names = ('Auk/1.jpg', 'Jay/2.jpg', 'Auk/3.jpg')
    rows = [f'http://x/{n}\tab\t{n}\t{7 if n < "B" else 1}\t0' for n in names]
    write_lines(root / 'images.txt', header[1], *rows)
    write_lines(root / 'test_images.txt', 'path', 'Auk/3.jpg')
    for name in names:
        write_image(root / 'download/images' / name)
    return dict(train=[('1.jpg', 1), ('2.jpg', 0)], test=[('3.jpg', 1)])


def write_sun397(root: Path) -> Truth:
    names = ('/a/abbey/sun_1.jpg', '/y/youth_hostel/sun_2.jpg', '/a/apse/indoor/sun_3.jpg')
    for name in names:
        write_image(root / 'SUN397' / name[1:])
    write_lines(root / 'Partitions/Training_01.txt', *names[:2])
    write_lines(root / 'Partitions/Testing_01.txt', names[2])
    return dict(train=[('sun_1.jpg', 0), ('sun_2.jpg', 396)], test=[('sun_3.jpg', 9)])


def write_cars(root: Path) -> Truth:
    fields = ('relative_im_path', 'bbox_x1', 'class', 'test')
    notes = np.empty((1, 4), dtype=[(field, object) for field in fields])
    for index in range(4):
        name = f'car_ims/{index:06}.jpg'
        notes[0, index] = (name, *(np.array([[v]], np.uint8) for v in (1, 196 - index, index % 2)))
        write_image(root / name)
    savemat(root / 'cars_annos.mat', dict(annotations=notes, class_names=cell('a', 'b')))
    return dict(
        train=[('000000.jpg', 195), ('000002.jpg', 193)],
        test=[('000001.jpg', 194), ('000003.jpg', 192)],
    )


def write_aircraft(root: Path) -> Truth:
    for name in ('1025794', '1340192', '0056978'):
        write_image(root / 'data/images' / f'{name}.jpg')
    lines = ('1025794 707-320', '1340192 Yak-42')
    write_lines(root / 'data/images_variant_trainval.txt', *lines)
    write_lines(root / 'data/images_variant_test.txt', '0056978 F/A-18')
    return dict(trainval=[('1025794.jpg', 0), ('1340192.jpg', 99)], test=[('0056978.jpg', 73)])


def write_voc2007(root: Path) -> Truth:
    """Beside a usual image one with all its objects difficult, as there are in VOC."""
    objects = {
        '000005': [('chair', 0), ('chair', 1), ('person', 1)],
        '000007': [('tvmonitor', 0), ('aeroplane', 0)],
        '000009': [('horse', 1)],
    }
    for name, found in objects.items():
        write_image(root / 'JPEGImages' / f'{name}.jpg')
        parts = [f'<object><name>{n}</name><difficult>{d}</difficult></object>' for n, d in found]
        write_lines(root / f'Annotations/{name}.xml', '<annotation>', *parts, '</annotation>')
    write_lines(root / 'ImageSets/Main/trainval.txt', '000005', '000009')
    write_lines(root / 'ImageSets/Main/test.txt', '000007', '000009')
    chair, horse = [8], []
    return dict(
        trainval=[('000005.jpg', chair), ('000009.jpg', horse)],
        test=[('000007.jpg', [0, 19]), ('000009.jpg', horse)],
    )


def write_dtd(root: Path) -> Truth:
    names = ('banded/b_1.jpg', 'zigzagged/z_2.jpg', 'banded/b_3.jpg', 'dotted/d_4.jpg')
    for name in names:
        write_image(root / 'images' / name)
    parts = dict(set=np.array([[1, 2, 3, 3]], np.uint8))
    parts['class'] = np.array([[1, 47, 1, 10]], np.uint8)
    (root / 'imdb').mkdir()
    savemat(root / 'imdb/imdb.mat', dict(images=dict(name=cell(*names), **parts)))
    return dict(trainval=[('b_1.jpg', 0), ('z_2.jpg', 46)], test=[('b_3.jpg', 0), ('d_4.jpg', 9)])


def write_pets(root: Path) -> Truth:
    for name in ('Abyssinian_1', 'yorkshire_terrier_2', 'beagle_3'):
        write_image(root / 'images' / f'{name}.jpg')
    lines = ('Abyssinian_1 1 1 1', 'yorkshire_terrier_2 37 2 25')
    write_lines(root / 'annotations/trainval.txt', *lines)
    write_lines(root / 'annotations/test.txt', 'beagle_3 5 2 4')
    return dict(
        trainval=[('Abyssinian_1.jpg', 0), ('yorkshire_terrier_2.jpg', 36)],
        test=[('beagle_3.jpg', 4)],
    )


def write_caltech101(root: Path) -> Truth:
    """31 images of each of two classes, of which 30 are for training."""
    for folder in ('accordion', 'BACKGROUND_Google'):
        for index in range(31):
            write_image(root / '101_ObjectCategories' / folder / f'image_{index:04}.jpg')
    (root / '101_ObjectCategories/BACKGROUND_Google/tmp').touch()  # as in the archive
    left = {}
    for folder in ('BACKGROUND_Google', 'accordion'):
        names = [f'image_{index:04}.jpg' for index in range(31)]
        left[folder] = max(names, key=lambda n: hashlib.sha256(f'{folder}/{n}'.encode()).digest())
    test = [(name, label) for label, name in enumerate(left.values())]
    train = [
        (name, label) for label, folder in enumerate(left) for name in names if name != left[folder]
    ]
    return dict(train=train, test=test)


def write_flowers(root: Path) -> Truth:
    for index in range(1, 6):
        write_image(root / 'jpg' / f'image_{index:05}.jpg')
    savemat(root / 'imagelabels.mat', dict(labels=np.array([[1, 2, 3, 4, 102]], np.uint8)))
    ids = dict(trnid=[[1, 5]], valid=[[2, 3]], tstid=[[4, 1]])
    ids = {key: np.array(value, np.uint16) for key, value in ids.items()}
    savemat(root / 'setid.mat', ids)
    train = [('image_00001.jpg', 0), ('image_00005.jpg', 101)]
    return dict(
        trainval=[*train, ('image_00002.jpg', 1), ('image_00003.jpg', 2)],
        test=[('image_00004.jpg', 3), ('image_00001.jpg', 0)],
    )


def write_inat18(root: Path) -> Truth:
    categories = [dict(id=number, name=f'species {number}') for number in (8, 3, 5)]
    truth = dict(train=[('a.jpg', 2), ('b.jpg', 0)], val=[('c.jpg', 1)])
    for split, samples in truth.items():
        images = [
            dict(id=index * 7, file_name=f'train_val2018/Aves/{label}/{name}')
            for index, (name, label) in enumerate(samples)
        ]
        notes = [
            dict(id=index, image_id=index * 7, category_id=(3, 5, 8)[label])
            for index, (_, label) in enumerate(samples)
        ]
        content = dict(images=images, annotations=notes, categories=categories)
        write_lines(root / f'{split}2018.json', json.dumps(content))
        for image in images:
            write_image(root / image['file_name'])
    return truth


def write_cog(root: Path) -> Truth:
    for name in ('n01/n01_1.JPEG', 'n02/n02_1.JPEG', 'n02/n02_2.JPEG'):
        write_image(root / name)
    write_lines(root / 'cog/l1_train.txt', 'n01/n01_1.JPEG 0', 'n02/n02_1.JPEG 1')
    write_lines(root / 'cog/l1_test.txt', 'n02/n02_2.JPEG 1')
    return dict(train=[('n01_1.JPEG', 0), ('n02_1.JPEG', 1)], test=[('n02_2.JPEG', 1)])


WRITERS: dict[str, Callable[[Path], Truth]] = {
    'food101': write_food101,
    'cifar10': write_cifar10,
    'cifar100': write_cifar100,
    'birdsnap': write_birdsnap,
    'sun397': write_sun397,
    'cars': write_cars,
    'aircraft': write_aircraft,
    'voc2007': write_voc2007,
    'dtd': write_dtd,
    'pets': write_pets,
    'caltech101': write_caltech101,
    'flowers': write_flowers,
    'inat18': write_inat18,
    'cog-l1': write_cog,
}
