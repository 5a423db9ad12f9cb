"""Packaging of mim_secrets, with the ``.mim`` folder that openmim looks for.

``mim train mim_secrets CONFIG`` expects tools, configs and the model index inside
the installed package, in ``mim_secrets/.mim``. A wheel gets copies of them. An
editable install gets links to the originals, so that an edited config counts.
"""

import re
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).resolve().parent
MIM_CONTENT = ('tools', 'configs', 'model-index.yml')


class BuildWithMim(build_py):
    """Build the package, and its ``.mim`` folder with it."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            link_mim_folder()
            installed = Path(self.get_finalized_command('install').install_lib)
            for metadata in installed.glob('mim_secrets-*.dist-info'):
                lead_to_source_tree(metadata)
        else:
            copy_mim_folder(Path(self.build_lib, 'mim_secrets', '.mim'))


def lead_to_source_tree(metadata: Path) -> None:
    """Tell openmim and mmengine where an editable install has its files.

    Both take a package to lie at ``<site-packages>/<first line of top_level.txt>``,
    where an editable install has nothing. An absolute path in that line leads them
    here; the true name follows for everybody else.
    """
    package = HERE / 'mim_secrets'
    (metadata / 'top_level.txt').write_text(f'{package}\n{package.name}\n')


def link_mim_folder() -> None:
    folder = HERE / 'mim_secrets' / '.mim'
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name in MIM_CONTENT:
        (folder / name).symlink_to(Path('..', '..', name))


def copy_mim_folder(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in MIM_CONTENT:
        source = HERE / name
        if source.is_dir():
            no_caches = shutil.ignore_patterns('__pycache__')
            shutil.copytree(source, folder / name, ignore=no_caches)
        else:
            shutil.copy(source, folder / name)


def read_version() -> str:
    text = (HERE / 'mim_secrets' / 'version.py').read_text()
    return re.search(r"__version__ = '([^']+)'", text).group(1)


def read_requirements(name: str) -> list[str]:
    lines = (HERE / 'requirements' / f'{name}.txt').read_text().splitlines()
    return [line for line in lines if line and not line.startswith(('#', '-'))]


readme = HERE / 'README.md'

setup(
    name='mim_secrets',
    version=read_version(),
    description='Masked image modelling for OpenMMLab: pre-train once, look inside, transfer.',
    long_description=readme.read_text() if readme.exists() else '',
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    keywords='computer vision, masked image modeling, self-supervised learning',
    packages=find_packages(include=['mim_secrets', 'mim_secrets.*']),
    include_package_data=True,
    python_requires='>=3.10,<3.13',
    install_requires=read_requirements('runtime'),
    extras_require={
        'tests': read_requirements('tests'),
        'docs': read_requirements('docs'),
        'depth': ['h5py', 'scipy'],  # NYUv2's own files, which its converter reads
        'downstream': [
            'mmdet>=3.3.0',
            'mmsegmentation>=1.2.2',
            'ftfy',  # imported by mmsegmentation, which does not require it
            'regex',  # likewise
            'mmpose>=1.3.2',
        ],
    },
    cmdclass={'build_py': BuildWithMim},
)
