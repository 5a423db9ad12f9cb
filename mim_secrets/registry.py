"""Every registry of this package: children of mmengine's root registries.

A child is reached from any other library's config by its scope, as in
``type='mim_secrets.ViT'``. ``locations`` are the modules that register
something; they are imported when a name is looked up for the first time. The
registries without a location hold nothing of ours yet, but a child must exist
for mmengine to look names up under our scope without a warning, and its location
must not be empty: mmengine would take the package for one that is not installed.
"""

from mmengine import registry as root
from mmengine.registry import Registry


def _child(parent: Registry, *locations: str) -> Registry:
    locations = list(locations) or [__name__]
    return Registry(parent.name, parent=parent, scope='mim_secrets', locations=locations)


DATASETS = _child(root.DATASETS, 'mim_secrets.datasets')
TRANSFORMS = _child(root.TRANSFORMS, 'mim_secrets.datasets')
DATA_SAMPLERS = _child(root.DATA_SAMPLERS)

MODELS = _child(root.MODELS, 'mim_secrets.models')
MODEL_WRAPPERS = _child(root.MODEL_WRAPPERS)
WEIGHT_INITIALIZERS = _child(root.WEIGHT_INITIALIZERS, 'mim_secrets.checkpoint.initializer')

RUNNERS = _child(root.RUNNERS, 'mim_secrets.engine')
HOOKS = _child(root.HOOKS, 'mim_secrets.engine', 'mim_secrets.analysis.hook')
LOOPS = _child(root.LOOPS, 'mim_secrets.evaluation')
OPTIMIZERS = _child(root.OPTIMIZERS)
OPTIM_WRAPPERS = _child(root.OPTIM_WRAPPERS)
OPTIM_WRAPPER_CONSTRUCTORS = _child(root.OPTIM_WRAPPER_CONSTRUCTORS, 'mim_secrets.engine')
PARAM_SCHEDULERS = _child(root.PARAM_SCHEDULERS, 'mim_secrets.engine')
LOG_PROCESSORS = _child(root.LOG_PROCESSORS)

EVALUATOR = _child(root.EVALUATOR)
METRICS = _child(root.METRICS, 'mim_secrets.evaluation')
VISUALIZERS = _child(root.VISUALIZERS)
VISBACKENDS = _child(root.VISBACKENDS)
