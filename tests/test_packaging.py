"""What is shipped, and whether openmim and mmengine find it once it is installed."""

import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_string
from pathlib import Path

import pytest
import yaml
from mim.utils import get_installed_path as path_for_mim
from mmengine.utils import get_installed_path as path_for_mmengine

import mim_secrets

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / 'requirements'


def copy_source(folder: Path) -> Path:
    """The project without what git ignores, so that builds leave no trace in it."""
    no_products = shutil.ignore_patterns('__pycache__', '.mim')
    for name in ('mim_secrets', 'tools', 'configs', 'requirements', 'tests'):
        shutil.copytree(ROOT / name, folder / name, ignore=no_products)
    for path in ROOT.iterdir():
        if path.is_file():
            shutil.copy(path, folder / path.name)
    return folder


def build(kind: str, source: Path, target: Path) -> Path:
    """Have setuptools build a 'sdist', a 'wheel' or an 'editable' wheel."""
    target.mkdir()
    code = f'from setuptools import build_meta as b; b.build_{kind}({str(target)!r})'
    subprocess.run([sys.executable, '-c', code], cwd=source, check=True, capture_output=True)
    (product,) = target.glob('mim_secrets-*')
    return product


@pytest.fixture(scope='module')
def sdist(tmp_path_factory) -> Path:
    """The unpacked source distribution."""
    folder = tmp_path_factory.mktemp('sdist')
    archive = build('sdist', copy_source(folder / 'source'), folder / 'dist')
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter='data')
    return folder / archive.name.removesuffix('.tar.gz')


@pytest.fixture(scope='module')
def wheel(sdist, tmp_path_factory):
    """The wheel that is built from the source distribution, unpacked."""
    folder = tmp_path_factory.mktemp('wheel')
    with zipfile.ZipFile(build('wheel', sdist, folder / 'dist')) as archive:
        archive.extractall(folder / 'site-packages')
    return folder / 'site-packages'


def shipped_files(folder: Path) -> set[str]:
    """Relative names of what belongs into ``.mim``."""
    return {
        str(path.relative_to(folder))
        for pattern in ('tools/**/*.py', 'tools/**/*.sh', 'configs/**/*.py')
        for path in folder.glob(pattern)
    }


@pytest.mark.slow
def test_wheel_from_sdist_has_tools_and_configs_for_mim(wheel):
    """Fails if a tool or config is lost on the way from the repository to a wheel."""
    mim = wheel / 'mim_secrets' / '.mim'
    assert shipped_files(mim) == shipped_files(ROOT)
    assert {'tools/train.py', 'tools/test.py'} <= shipped_files(mim)
    assert (mim / 'configs' / 'mae').is_dir() and (mim / 'configs' / 'mff').is_dir()
    for metafile in yaml.safe_load((mim / 'model-index.yml').read_text())['Import']:
        assert (mim / metafile).is_file()


@pytest.mark.slow
def test_wheel_has_every_module_and_nothing_beside_the_package(wheel):
    """Fails if a subpackage lacks an __init__.py, or if tests are shipped as a package."""
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / 'mim_secrets').rglob('*.py')}
    modules = {name for name in modules if '/.mim/' not in name}
    assert {name for name in modules if not (wheel / name).exists()} == set()
    assert sorted(path.name.split('-')[0] for path in wheel.iterdir()) == [
        'mim_secrets',
        'mim_secrets',
    ]


@pytest.mark.slow
def test_installing_leaves_torch_alone(wheel):
    """Fails if `pip install` of this package could replace torch or mmcv."""
    (metadata,) = wheel.glob('*.dist-info/METADATA')
    fields = message_from_string(metadata.read_text())
    needed = [line for line in fields.get_all('Requires-Dist') if 'extra ==' not in line]
    names = {re.match(r'[\w.-]+', line).group() for line in needed}
    assert {'mmengine', 'mmpretrain'} <= names
    assert not names & {'torch', 'torchvision', 'mmcv', 'mmcv-lite'}
    assert not [line for line in needed if '==' in line]
    assert fields['Version'] == mim_secrets.__version__
    assert set(fields['Requires-Python'].split(',')) == {'>=3.10', '<3.13'}


def test_editable_install_links_to_the_originals(tmp_path):
    """Fails if an edited config does not count, or nobody finds the source tree."""
    source = copy_source(tmp_path / 'source')
    with zipfile.ZipFile(build('editable', source, tmp_path / 'dist')) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith('top_level.txt'))
        first_line = archive.read(name).decode().splitlines()[0]
    assert first_line == str(source / 'mim_secrets')
    mim = source / 'mim_secrets' / '.mim'
    for name in ('tools', 'configs', 'model-index.yml'):
        assert (mim / name).is_symlink()
        assert (mim / name).resolve() == source / name


@pytest.mark.parametrize('find', [path_for_mim, path_for_mmengine])
def test_installed_package_is_found_by(find):
    """Fails if `mim train mim_secrets ...` or `_base_ = 'mim_secrets::...'` cannot work."""
    folder = Path(find('mim_secrets'))
    assert folder == Path(mim_secrets.__file__).parent
    assert (folder / '.mim' / 'tools' / 'train.py').is_file()
    assert (folder / '.mim' / 'configs' / 'mff').is_dir()


def requirement_names(path: Path) -> set[str]:
    lines = path.read_text().splitlines()
    wanted = (line for line in lines if line and not line.startswith(('#', '-')))
    return {re.match(r'[\w.-]+', line).group().lower() for line in wanted}


def test_every_requirement_is_pinned_to_a_tried_version():
    """Fails if a set-up next month could install something that nobody has tried."""
    pinned = requirement_names(REQUIREMENTS / 'constraints.txt')
    for path in REQUIREMENTS.glob('*.txt'):
        assert requirement_names(path) - pinned == set(), path.name
    assert {'torch', 'torchvision', 'openmim', 'opencv-python-headless'} <= pinned


def test_pins_hold_on_any_machine():
    """Fails if a path, a URL, an index or a local build of this machine is pinned."""
    for path in REQUIREMENTS.glob('*.txt'):
        for line in path.read_text().splitlines():
            if line and not line.startswith('#'):
                assert not re.search(r'\+|@|/|--(extra-)?index|--find', line), line
    for line in (REQUIREMENTS / 'constraints.txt').read_text().splitlines():
        if line and not line.startswith('#'):
            pin = r'[\w.-]+==[\w.]+(; python_version (<|>=) "3\.11")?'
            assert re.fullmatch(pin, line), line


def test_version_is_the_same_everywhere():
    """Fails if a release forgets the citation or the changelog."""
    citation = yaml.safe_load((ROOT / 'CITATION.cff').read_text())
    assert citation['version'] == mim_secrets.__version__
    latest = re.search(r'^## (\S+)', (ROOT / 'CHANGELOG.md').read_text(), re.MULTILINE)
    assert latest.group(1) == mim_secrets.__version__


def test_make_help_lists_every_target():
    """Fails if a target is added that nobody hears of."""
    targets = re.search(r'^\.PHONY: (.*)$', (ROOT / 'Makefile').read_text(), re.MULTILINE)
    listed = subprocess.run(
        ['make', '--no-print-directory'], cwd=ROOT, capture_output=True, text=True
    ).stdout
    assert set(re.findall(r'^  make (\S+)', listed, re.MULTILINE)) == set(targets[1].split())
