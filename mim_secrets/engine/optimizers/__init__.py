from .layer_decay import LayerDecayOptimWrapperConstructor, ask_encoder

__all__ = ['LayerDecayOptimWrapperConstructor', 'ask_encoder']
