"""The whole account as one dictionary, without what changes by itself: moments, revisions, counters."""

import json
import re

from botocore.exceptions import ClientError

FLEETING = {
    "ResponseMetadata", "LastModified", "LastModifiedTime", "LastModifiedDate", "LastUpdatedTime", "LastUpdateDateTime",
    "CreatedTimestamp", "LastModifiedTimestamp", "RevisionId", "revisionId", "creationDate", "updateDate", "CreateDate",
    "UpdateDate", "CreationTime", "CreationDate", "CreationDateTime", "LastChangedDate", "CreatedDate", "LastAccessedDate",
    "ARN-version", "creationTime", "LastUsedDate", "RoleLastUsed", "PasswordLastUsed", "LastUpdatedTimestamp", "CreatedBy",
    "VersionIdsToStages", "VersionId", "VersionStages", "DefaultVersionId", "LatestStreamLabel", "TableId", "StateReason",
    "LatestStreamArn", "LastModificationDate", "storedBytes", "LastUpdateToPayPerRequestDateTime", "LastIncreaseDateTime", "LastDecreaseDateTime", "NumberOfDecreasesToday", "StateTransitionReason",
}


def kept(value):
    """Leaves out what is fleeting, and sorts lists whose order means nothing."""
    if isinstance(value, dict):
        return {key: kept(member) for key, member in value.items() if key not in FLEETING}
    if isinstance(value, list):
        return sorted((kept(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True, default=str))
    return value


def stable(picture):
    """Takes random ends of names for the same."""
    text = json.dumps(picture, sort_keys=True, default=str)
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "*", text)
    text = re.sub(r"-[A-Za-z0-9]{12}(?![A-Za-z0-9])", "-*", text)
    text = re.sub(r"(ARO|AID|AGP|ANP|AIP|AKI)A[A-Z0-9]{16,17}", "*", text)
    text = re.sub(r"(secret:[^\"]*)-[A-Za-z0-9]{6}(?=\")", r"\1-*", text)
    # Numbers of versions are never given twice.
    text = re.sub(r"(:(?:function|layer|stateMachine):[A-Za-z0-9*_-]+):\d+(?=[/\"\\])", r"\1:N", text)
    text = re.sub(r"\"(Version|FunctionVersion)\": \"?\d+\"?(?=[,}])", r'"\1": "N"', text)
    text = re.sub(r"stream/[0-9T:.-]+", "stream/*", text)
    return json.loads(text)


def picture(client, stack):
    """Returns what there is, by kind and name."""
    there = {}

    def ask(service, operation, **given):
        try:
            answer = getattr(client(service), operation)(**given)
        except ClientError as error:
            return error.response["Error"]["Code"]
        answer.pop("ResponseMetadata", None)
        return answer

    def every(service, operation, member, **given):
        items, token_name = [], None
        api = client(service)
        if api.can_paginate(operation):
            for page in api.get_paginator(operation).paginate(**given):
                items += page.get(member, [])
            return items
        return getattr(api, operation)(**given).get(member, [])

    def note(kind, name, *parts):
        there[f"{kind} {name}"] = kept(list(parts))

    for function in every("lambda", "list_functions", "Functions"):
        name = function["FunctionName"]
        found = ask("lambda", "get_function", FunctionName=name)
        found.pop("Code", None)
        aliases = every("lambda", "list_aliases", "Aliases", FunctionName=name)
        qualified = [ask("lambda", "get_policy", FunctionName=name, Qualifier=alias["Name"]) for alias in aliases]
        note(
            "function", name, found, aliases, qualified,
            ask("lambda", "get_policy", FunctionName=name),
            every("lambda", "list_versions_by_function", "Versions", FunctionName=name),
            every("lambda", "list_function_url_configs", "FunctionUrlConfigs", FunctionName=name),
            every("lambda", "list_function_event_invoke_configs", "FunctionEventInvokeConfigs", FunctionName=name),
        )
    for mapping in every("lambda", "list_event_source_mappings", "EventSourceMappings"):
        note("mapping", mapping["UUID"], mapping)
    for layer in every("lambda", "list_layers", "Layers"):
        versions = every("lambda", "list_layer_versions", "LayerVersions", LayerName=layer["LayerName"])
        policies = [
            ask("lambda", "get_layer_version_policy", LayerName=layer["LayerName"], VersionNumber=version["Version"])
            for version in versions
        ]
        note("layer", layer["LayerName"], versions, policies)
    roles(ask, every, note)
    for machine in every("stepfunctions", "list_state_machines", "stateMachines"):
        arn = machine["stateMachineArn"]
        aliases = ask("stepfunctions", "list_state_machine_aliases", stateMachineArn=arn)["stateMachineAliases"]
        note(
            "machine", machine["name"], ask("stepfunctions", "describe_state_machine", stateMachineArn=arn),
            ask("stepfunctions", "list_tags_for_resource", resourceArn=arn),
            ask("stepfunctions", "list_state_machine_versions", stateMachineArn=arn),
            [ask("stepfunctions", "describe_state_machine_alias", stateMachineAliasArn=alias["stateMachineAliasArn"]) for alias in aliases],
        )
    for activity in every("stepfunctions", "list_activities", "activities"):
        arn = activity["activityArn"]
        note("activity", activity["name"], ask("stepfunctions", "list_tags_for_resource", resourceArn=arn))
    stores(ask, every, note)
    messages(ask, every, note)
    for one in client("cloudformation").describe_stacks()["Stacks"]:
        if one["StackName"] != stack:
            note("stack", one["StackName"], {name: one.get(name) for name in ("Parameters", "Outputs", "Tags", "ParentId")})
    return there


def roles(ask, every, note):
    for role in every("iam", "list_roles", "Roles"):
        name = role["RoleName"]
        inline = every("iam", "list_role_policies", "PolicyNames", RoleName=name)
        note(
            "role", name, ask("iam", "get_role", RoleName=name),
            [ask("iam", "get_role_policy", RoleName=name, PolicyName=policy) for policy in inline],
            every("iam", "list_attached_role_policies", "AttachedPolicies", RoleName=name),
        )
    for user in every("iam", "list_users", "Users"):
        name = user["UserName"]
        inline = every("iam", "list_user_policies", "PolicyNames", UserName=name)
        note(
            "user", name, ask("iam", "get_user", UserName=name),
            [ask("iam", "get_user_policy", UserName=name, PolicyName=policy) for policy in inline],
            every("iam", "list_attached_user_policies", "AttachedPolicies", UserName=name),
            every("iam", "list_groups_for_user", "Groups", UserName=name),
            every("iam", "list_access_keys", "AccessKeyMetadata", UserName=name),
        )
    for group in every("iam", "list_groups", "Groups"):
        name = group["GroupName"]
        inline = every("iam", "list_group_policies", "PolicyNames", GroupName=name)
        note(
            "group", name, group,
            [ask("iam", "get_group_policy", GroupName=name, PolicyName=policy) for policy in inline],
            every("iam", "list_attached_group_policies", "AttachedPolicies", GroupName=name),
        )
    for policy in every("iam", "list_policies", "Policies", Scope="Local"):
        arn, version = policy["Arn"], policy["DefaultVersionId"]
        note("policy", arn, policy, ask("iam", "get_policy_version", PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"])
    for profile in every("iam", "list_instance_profiles", "InstanceProfiles"):
        note("profile", profile["InstanceProfileName"], [role["RoleName"] for role in profile["Roles"]])


def stores(ask, every, note):
    for name in every("dynamodb", "list_tables", "TableNames"):
        table = ask("dynamodb", "describe_table", TableName=name)["Table"]
        note(
            "table", name, table, ask("dynamodb", "describe_time_to_live", TableName=name),
            ask("dynamodb", "list_tags_of_resource", ResourceArn=table["TableArn"]),
            ask("dynamodb", "describe_continuous_backups", TableName=name),
        )
    for bucket in every("s3", "list_buckets", "Buckets"):
        name = bucket["Name"]
        asked = (
            "get_bucket_versioning", "get_bucket_encryption", "get_bucket_tagging", "get_public_access_block", "get_bucket_policy",
            "get_bucket_ownership_controls", "get_bucket_notification_configuration", "get_bucket_lifecycle_configuration", "get_bucket_cors",
        )
        note("bucket", name, {operation: ask("s3", operation, Bucket=name) for operation in asked})
    for group in every("logs", "describe_log_groups", "logGroups"):
        name = group["logGroupName"]
        # What functions print outlives them, as on AWS.
        if not name.startswith("/aws/lambda/"):
            filters = ask("logs", "describe_subscription_filters", logGroupName=name)
            metrics = ask("logs", "describe_metric_filters", logGroupName=name)
            note("log group", name, group, ask("logs", "list_tags_log_group", logGroupName=name), filters, metrics)
    for parameter in every("ssm", "describe_parameters", "Parameters"):
        name = parameter["Name"]
        parameter.pop("Version", None)
        value = ask("ssm", "get_parameter", Name=name, WithDecryption=True)["Parameter"]["Value"]
        note("parameter", name, parameter, value, ask("ssm", "list_tags_for_resource", ResourceType="Parameter", ResourceId=name))
    for secret in every("secretsmanager", "list_secrets", "SecretList"):
        secret.pop("SecretVersionsToStages", None)
        note("secret", secret["Name"], secret, ask("secretsmanager", "get_secret_value", SecretId=secret["ARN"]))


def messages(ask, every, note):
    for url in every("sqs", "list_queues", "QueueUrls"):
        attributes = ask("sqs", "get_queue_attributes", QueueUrl=url, AttributeNames=["All"])
        note("queue", url.rsplit("/", 1)[-1], attributes, ask("sqs", "list_queue_tags", QueueUrl=url))
    for topic in every("sns", "list_topics", "Topics"):
        arn = topic["TopicArn"]
        attributes = ask("sns", "get_topic_attributes", TopicArn=arn)
        note("topic", arn, attributes, ask("sns", "list_tags_for_resource", ResourceArn=arn))
    for subscription in every("sns", "list_subscriptions", "Subscriptions"):
        arn = subscription["SubscriptionArn"]
        attributes = ask("sns", "get_subscription_attributes", SubscriptionArn=arn)
        note("subscription", arn, attributes)
    for bus in every("events", "list_event_buses", "EventBuses"):
        bus_name = bus["Name"]
        note("bus", bus_name, bus, ask("events", "list_tags_for_resource", ResourceARN=bus["Arn"]))
        for rule in every("events", "list_rules", "Rules", EventBusName=bus_name):
            targets = ask("events", "list_targets_by_rule", Rule=rule["Name"], EventBusName=bus_name)
            note("rule", f"{bus_name}/{rule['Name']}", rule, targets, ask("events", "list_tags_for_resource", ResourceARN=rule["Arn"]))
    for group in every("scheduler", "list_schedule_groups", "ScheduleGroups"):
        note("schedule group", group["Name"], group, ask("scheduler", "list_tags_for_resource", ResourceArn=group["Arn"]))
    for schedule in every("scheduler", "list_schedules", "Schedules"):
        name, group = schedule["Name"], schedule["GroupName"]
        note("schedule", f"{group}/{name}", ask("scheduler", "get_schedule", Name=name, GroupName=group))
