"""The networks: encoders and their mirrored decoders."""

from isthmus.parts.networks.conductor import Conductor
from isthmus.parts.networks.conv import Conv
from isthmus.parts.networks.dense import Dense
from isthmus.parts.networks.dictionary import Dictionary
from isthmus.parts.networks.diffusion import Diffusion
from isthmus.parts.networks.extreme_learning import ExtremeLearning
from isthmus.parts.networks.gdn import Gdn
from isthmus.parts.networks.graph_conv import GraphConv
from isthmus.parts.networks.gyroplane import Gyroplane
from isthmus.parts.networks.network import Network
from isthmus.parts.networks.patches import Patches
from isthmus.parts.networks.random_features import RandomFeatures
from isthmus.parts.networks.recurrent import Gru
from isthmus.parts.networks.residual import Residual
from isthmus.parts.networks.table import Table
from isthmus.parts.networks.transformer import Transformer

__all__ = [
    "Conductor",
    "Conv",
    "Dense",
    "Dictionary",
    "Diffusion",
    "ExtremeLearning",
    "Gdn",
    "GraphConv",
    "Gru",
    "Gyroplane",
    "Network",
    "Patches",
    "RandomFeatures",
    "Residual",
    "Table",
    "Transformer",
]
