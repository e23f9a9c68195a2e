"""Makes the calls of Terraform's AWS provider for six kinds of resources: created, read back, changed, read
back, deleted, read back until they are gone. Prints what a provider would stumble over."""

import base64
import hashlib
import json

from botocore.exceptions import ClientError

from lives import archive, clients

client = clients()
findings = []
ROLE = "arn:aws:iam::000000000000:role/tf"
TRUST = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": ["lambda.amazonaws.com", "states.amazonaws.com"]}, "Action": "sts:AssumeRole"}]}


def call(service, operation, code=None, **given):
    """Makes a call. `code` is the error that the provider expects; any other is a finding."""
    try:
        answer = getattr(client(service), operation)(**given)
    except ClientError as error:
        got = error.response["Error"]["Code"]
        if code is None or got not in code.split("|"):
            findings.append(f"{service}:{operation} {given.get('Name', '')} answered {got}: {error.response['Error'].get('Message')}")
        return {}
    if code is not None and "none" not in code.split("|"):
        findings.append(f"{service}:{operation} answered without {code}")
    return answer


def same(what, found, wanted):
    if found != wanted:
        findings.append(f"{what}: {found!r} instead of {wanted!r}")


def role():
    call("iam", "create_role", RoleName="tf", AssumeRolePolicyDocument=json.dumps(TRUST), Path="/", MaxSessionDuration=3600, Tags=[{"Key": "a", "Value": "b"}])
    found = call("iam", "get_role", RoleName="tf").get("Role", {})
    same("trust", found.get("AssumeRolePolicyDocument"), TRUST)
    same("tags of a role", found.get("Tags"), [{"Key": "a", "Value": "b"}])
    same("inline", call("iam", "list_role_policies", RoleName="tf").get("PolicyNames"), [])
    same("attached", call("iam", "list_attached_role_policies", RoleName="tf").get("AttachedPolicies"), [])
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    call("iam", "put_role_policy", RoleName="tf", PolicyName="p", PolicyDocument=json.dumps(document))
    same("policy", call("iam", "get_role_policy", RoleName="tf", PolicyName="p").get("PolicyDocument"), document)
    call("iam", "attach_role_policy", RoleName="tf", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
    call("iam", "update_role", RoleName="tf", MaxSessionDuration=7200, Description="said")
    call("iam", "update_assume_role_policy", RoleName="tf", PolicyDocument=json.dumps(TRUST))
    call("iam", "tag_role", RoleName="tf", Tags=[{"Key": "c", "Value": "d"}])
    call("iam", "untag_role", RoleName="tf", TagKeys=["a"])
    same("tags of a role", call("iam", "list_role_tags", RoleName="tf").get("Tags"), [{"Key": "c", "Value": "d"}])


def role_gone():
    call("iam", "list_instance_profiles_for_role", RoleName="tf")
    call("iam", "detach_role_policy", RoleName="tf", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
    call("iam", "delete_role_policy", RoleName="tf", PolicyName="p")
    call("iam", "delete_role", RoleName="tf")
    call("iam", "get_role", "NoSuchEntity", RoleName="tf")


def table():
    call(
        "dynamodb", "create_table", TableName="tf-table", BillingMode="PAY_PER_REQUEST", TableClass="STANDARD",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}, {"AttributeName": "day", "AttributeType": "N"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        GlobalSecondaryIndexes=[{"IndexName": "days", "KeySchema": [{"AttributeName": "day", "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"}}],
        Tags=[{"Key": "a", "Value": "b"}],
    )
    found = call("dynamodb", "describe_table", TableName="tf-table").get("Table", {})
    same("status", found.get("TableStatus"), "ACTIVE")
    same("billing", found.get("BillingModeSummary", {}).get("BillingMode"), "PAY_PER_REQUEST")
    backups = call("dynamodb", "describe_continuous_backups", TableName="tf-table").get("ContinuousBackupsDescription", {})
    same("recovery", backups.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus"), "DISABLED")
    ttl = call("dynamodb", "describe_time_to_live", TableName="tf-table").get("TimeToLiveDescription", {})
    same("time to live", ttl.get("TimeToLiveStatus"), "DISABLED")
    arn = found.get("TableArn", "")
    same("tags of a table", call("dynamodb", "list_tags_of_resource", ResourceArn=arn).get("Tags"), [{"Key": "a", "Value": "b"}])
    call("dynamodb", "update_time_to_live", TableName="tf-table", TimeToLiveSpecification={"AttributeName": "ends", "Enabled": True})
    call("dynamodb", "tag_resource", ResourceArn=arn, Tags=[{"Key": "c", "Value": "d"}])
    call("dynamodb", "untag_resource", ResourceArn=arn, TagKeys=["a"])
    same("tags of a table", call("dynamodb", "list_tags_of_resource", ResourceArn=arn).get("Tags"), [{"Key": "c", "Value": "d"}])
    call("dynamodb", "update_table", TableName="tf-table", DeletionProtectionEnabled=True)
    call("dynamodb", "update_table", TableName="tf-table", DeletionProtectionEnabled=False)
    call("dynamodb", "describe_contributor_insights", "none|UnsupportedOperation|UnknownOperationException", TableName="tf-table")
    call("dynamodb", "delete_table", TableName="tf-table")
    call("dynamodb", "describe_table", "ResourceNotFoundException", TableName="tf-table")


def bucket():
    call("s3", "create_bucket", Bucket="tf-bucket")
    call("s3", "head_bucket", Bucket="tf-bucket")
    call("s3", "get_bucket_acl", Bucket="tf-bucket")
    call("s3", "get_bucket_cors", "NoSuchCORSConfiguration", Bucket="tf-bucket")
    call("s3", "get_bucket_website", "NoSuchWebsiteConfiguration", Bucket="tf-bucket")
    same("versioning", call("s3", "get_bucket_versioning", Bucket="tf-bucket").get("Status"), None)
    call("s3", "get_bucket_accelerate_configuration", Bucket="tf-bucket")
    same("payer", call("s3", "get_bucket_request_payment", Bucket="tf-bucket").get("Payer"), "BucketOwner")
    call("s3", "get_bucket_logging", Bucket="tf-bucket")
    call("s3", "get_bucket_lifecycle_configuration", "NoSuchLifecycleConfiguration", Bucket="tf-bucket")
    call("s3", "get_bucket_replication", "ReplicationConfigurationNotFoundError", Bucket="tf-bucket")
    rules = call("s3", "get_bucket_encryption", Bucket="tf-bucket").get("ServerSideEncryptionConfiguration", {}).get("Rules", [{}])
    same("encryption", rules[0].get("ApplyServerSideEncryptionByDefault", {}).get("SSEAlgorithm"), "AES256")
    call("s3", "get_object_lock_configuration", "ObjectLockConfigurationNotFoundError", Bucket="tf-bucket")
    call("s3", "get_bucket_location", Bucket="tf-bucket")
    call("s3", "get_bucket_tagging", "NoSuchTagSet", Bucket="tf-bucket")
    call("s3", "put_bucket_tagging", Bucket="tf-bucket", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    same("tags of a bucket", call("s3", "get_bucket_tagging", Bucket="tf-bucket").get("TagSet"), [{"Key": "a", "Value": "b"}])
    call("s3", "delete_bucket_tagging", Bucket="tf-bucket")
    call("s3", "get_bucket_notification_configuration", Bucket="tf-bucket")
    call("s3", "get_public_access_block", Bucket="tf-bucket")
    call("s3", "get_bucket_ownership_controls", Bucket="tf-bucket")
    call("s3", "delete_bucket", Bucket="tf-bucket")
    call("s3", "head_bucket", "404|NoSuchBucket", Bucket="tf-bucket")


def queue():
    url = call("sqs", "create_queue", QueueName="tf", Attributes={"VisibilityTimeout": "30", "SqsManagedSseEnabled": "true"}, tags={"a": "b"}).get("QueueUrl")
    found = call("sqs", "get_queue_attributes", QueueUrl=url, AttributeNames=["All"]).get("Attributes", {})
    for name in ("VisibilityTimeout", "DelaySeconds", "MaximumMessageSize", "MessageRetentionPeriod", "ReceiveMessageWaitTimeSeconds", "QueueArn", "SqsManagedSseEnabled"):
        if name not in found:
            findings.append(f"a queue has no {name}")
    same("tags of a queue", call("sqs", "list_queue_tags", QueueUrl=url).get("Tags"), {"a": "b"})
    call("sqs", "set_queue_attributes", QueueUrl=url, Attributes={"VisibilityTimeout": "60"})
    call("sqs", "tag_queue", QueueUrl=url, Tags={"c": "d"})
    call("sqs", "untag_queue", QueueUrl=url, TagKeys=["a"])
    same("tags of a queue", call("sqs", "list_queue_tags", QueueUrl=url).get("Tags"), {"c": "d"})
    call("sqs", "delete_queue", QueueUrl=url)
    call("sqs", "get_queue_attributes", "AWS.SimpleQueueService.NonExistentQueue|QueueDoesNotExist", QueueUrl=url, AttributeNames=["All"])


def function():
    code = archive(index_js="exports.handler = async () => 1;")
    digest = base64.b64encode(hashlib.sha256(code).digest()).decode()
    made = call(
        "lambda", "create_function", FunctionName="tf", Runtime="nodejs20.x", Handler="index.handler", Role=ROLE, Timeout=3, MemorySize=128,
        Code={"ZipFile": code}, Tags={"a": "b"}, Architectures=["x86_64"], PackageType="Zip", Publish=False, EphemeralStorage={"Size": 512},
    )
    same("hash of code", made.get("CodeSha256"), digest)
    found = call("lambda", "get_function", FunctionName="tf")
    settings = found.get("Configuration", {})
    same("state", (settings.get("State"), settings.get("LastUpdateStatus")), ("Active", "Successful"))
    same("tags of a function", found.get("Tags"), {"a": "b"})
    same("tracing", settings.get("TracingConfig"), {"Mode": "PassThrough"})
    same("storage", settings.get("EphemeralStorage"), {"Size": 512})
    same("logging", settings.get("LoggingConfig", {}).get("LogFormat"), "Text")
    same("architectures", settings.get("Architectures"), ["x86_64"])
    versions = call("lambda", "list_versions_by_function", FunctionName="tf", MaxItems=10000).get("Versions", [{}])
    same("versions", [version.get("Version") for version in versions], ["$LATEST"])
    same("signing", call("lambda", "get_function_code_signing_config", FunctionName="tf").get("CodeSigningConfigArn"), None)
    call("lambda", "get_policy", "ResourceNotFoundException", FunctionName="tf")
    call("lambda", "get_function_concurrency", FunctionName="tf")
    call("lambda", "update_function_configuration", FunctionName="tf", Timeout=5, Environment={"Variables": {"NAME": "b"}})
    call("lambda", "update_function_code", FunctionName="tf", ZipFile=archive(index_js="exports.handler = async () => 2;"))
    arn = made.get("FunctionArn", "")
    call("lambda", "list_tags", Resource=arn)
    call("lambda", "tag_resource", Resource=arn, Tags={"c": "d"})
    call("lambda", "untag_resource", Resource=arn, TagKeys=["a"])
    same("tags of a function", call("lambda", "list_tags", Resource=arn).get("Tags"), {"c": "d"})
    call("lambda", "put_function_concurrency", FunctionName="tf", ReservedConcurrentExecutions=1)
    call("lambda", "delete_function_concurrency", FunctionName="tf")
    call("lambda", "publish_version", FunctionName="tf")
    call("lambda", "delete_function", FunctionName="tf")
    call("lambda", "get_function", "ResourceNotFoundException", FunctionName="tf")


def machine():
    definition = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
    checked = call("stepfunctions", "validate_state_machine_definition", definition=definition, type="STANDARD")
    same("check", checked.get("result"), "OK")
    made = call("stepfunctions", "create_state_machine", name="tf", definition=definition, roleArn=ROLE, type="STANDARD", tags=[{"key": "a", "value": "b"}], publish=False)
    arn = made.get("stateMachineArn", "")
    found = call("stepfunctions", "describe_state_machine", stateMachineArn=arn)
    same("definition", found.get("definition"), definition)
    same("status", found.get("status"), "ACTIVE")
    same("logging", found.get("loggingConfiguration"), {"level": "OFF", "includeExecutionData": False})
    same("tracing", found.get("tracingConfiguration"), {"enabled": False})
    same("encryption", found.get("encryptionConfiguration", {"type": "AWS_OWNED_KEY"}).get("type"), "AWS_OWNED_KEY")
    same("versions", call("stepfunctions", "list_state_machine_versions", stateMachineArn=arn).get("stateMachineVersions"), [])
    same("tags of a machine", call("stepfunctions", "list_tags_for_resource", resourceArn=arn).get("tags"), [{"key": "a", "value": "b"}])
    changed = definition.replace("Pass", "Succeed").replace(', "End": true', "")
    call("stepfunctions", "update_state_machine", stateMachineArn=arn, definition=changed, roleArn=ROLE, publish=False)
    same("definition", call("stepfunctions", "describe_state_machine", stateMachineArn=arn).get("definition"), changed)
    call("stepfunctions", "tag_resource", resourceArn=arn, tags=[{"key": "c", "value": "d"}])
    call("stepfunctions", "untag_resource", resourceArn=arn, tagKeys=["a"])
    call("stepfunctions", "delete_state_machine", stateMachineArn=arn)
    call("stepfunctions", "describe_state_machine", "StateMachineDoesNotExist", stateMachineArn=arn)


call("sts", "get_caller_identity")
role()
for walk in (table, bucket, queue, function, machine, role_gone):
    try:
        walk()
    except Exception as error:
        findings.append(f"{walk.__name__}: {type(error).__name__}: {error}")
print(json.dumps(findings))
