"""Base classes of trainable tasks, and the secrets they are given.

Users' ``custom.py`` imports these names; pickled tasks refer to the modules below.
"""

from datarobot_drum.custom_task_interfaces.estimator_interfaces import (
    AnomalyEstimatorInterface,
    BinaryEstimatorInterface,
    MulticlassEstimatorInterface,
    RegressionEstimatorInterface,
)
from datarobot_drum.custom_task_interfaces.transform_interface import TransformerInterface
from datarobot_drum.custom_task_interfaces.user_secrets import (
    AdlsGen2OauthSecret,
    ApiTokenSecret,
    AzureSecret,
    AzureServicePrincipalSecret,
    BasicSecret,
    DatabricksAccessTokenAccountSecret,
    GCPSecret,
    OauthSecret,
    S3Secret,
    SnowflakeKeyPairUserAccountSecret,
    SnowflakeOauthUserAccountSecret,
    TableauAccessTokenSecret,
)

__all__ = [
    "AdlsGen2OauthSecret",
    "AnomalyEstimatorInterface",
    "ApiTokenSecret",
    "AzureSecret",
    "AzureServicePrincipalSecret",
    "BasicSecret",
    "BinaryEstimatorInterface",
    "DatabricksAccessTokenAccountSecret",
    "GCPSecret",
    "MulticlassEstimatorInterface",
    "OauthSecret",
    "RegressionEstimatorInterface",
    "S3Secret",
    "SnowflakeKeyPairUserAccountSecret",
    "SnowflakeOauthUserAccountSecret",
    "TableauAccessTokenSecret",
    "TransformerInterface",
]
