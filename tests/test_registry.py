"""Looking names up under our scope."""

import logging

import pytest
from mmengine.logging import MMLogger
from mmengine.registry import DefaultScope

from mim_secrets import registry


@pytest.mark.parametrize(
    'child',
    [child for child in vars(registry).values() if isinstance(child, registry.Registry)],
    ids=lambda child: child.name,
)
def test_no_registry_takes_the_package_for_one_that_is_missing(
    child: registry.Registry, caplog: pytest.LogCaptureFixture
) -> None:
    """Breaks when a registry without a location makes mmengine warn in every log that
    mim_secrets is not installed."""
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    child._imported = False
    try:
        with DefaultScope.overwrite_default_scope('mim_secrets'):
            child.get('NothingOfThatName')
    finally:
        logger.removeHandler(caplog.handler)
    assert 'not installed' not in caplog.text
    assert not [record for record in caplog.records if record.levelno > logging.WARNING]
