"""Topics, rules, schedules, parameters and secrets, as boto3 finds them.

Run with the name of a chapter; the environment says where the server is. Every chapter asserts by itself.
"""

import base64
import http.server
import json
import sys
import threading
import time
import urllib.error
import urllib.request
from datetime import datetime, timedelta, timezone

import boto3
import rsa
from botocore.exceptions import ClientError
from pyasn1.codec.der import decoder, encoder

ROLE = "arn:aws:iam::000000000000:role/any"


def client(name):
    return boto3.client(name)


def queue(name, *services):
    """Makes a queue to which `services` may send."""
    arn = f"arn:aws:sqs:us-east-1:000000000000:{name}"
    attributes = {"Policy": json.dumps(senders(arn, *services))} if services else {}
    return client("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"], arn


def senders(queue_arn, *services):
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": [f"{service}.amazonaws.com" for service in services]},
        "Action": "sqs:SendMessage",
        "Resource": queue_arn,
        "Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:*:us-east-1:000000000000:*"}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def receive(url, count=1):
    sqs, messages, until = client("sqs"), [], time.time() + 60
    while len(messages) < count and time.time() < until:
        got = sqs.receive_message(
            QueueUrl=url, WaitTimeSeconds=10, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        )
        messages += got.get("Messages", [])
    assert len(messages) >= count, messages
    return messages


def refused(code, call, **arguments):
    try:
        answer = call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error
        return error.response["Error"]["Message"]
    raise AssertionError(f"was not refused: {answer}")


def eventually(what, ask):
    until = time.time() + 60
    while time.time() < until:
        found = ask()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(what)


def attributes(kind, number):
    return {
        "kind": {"DataType": "String", "StringValue": kind},
        "n": {"DataType": "Number", "StringValue": str(number)},
    }


def topics():
    sns = client("sns")
    url, arn = queue("told", "sns")
    topic = sns.create_topic(Name="news", Attributes={"DisplayName": "N"}, Tags=[{"Key": "a", "Value": "b"}])
    topic = topic["TopicArn"]
    assert topic == "arn:aws:sns:us-east-1:000000000000:news"
    policy = json.dumps({"kind": ["x", {"prefix": "y"}], "n": [{"numeric": [">", 3]}]})
    subscription = sns.subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"FilterPolicy": policy}
    )["SubscriptionArn"]
    shown = sns.get_topic_attributes(TopicArn=topic)["Attributes"]
    assert shown["DisplayName"] == "N" and shown["SubscriptionsConfirmed"] == "1", shown
    assert sns.list_tags_for_resource(ResourceArn=topic)["Tags"] == [{"Key": "a", "Value": "b"}]
    sns.publish(TopicArn=topic, Message="filtered", MessageAttributes=attributes("x", 3))
    sent = sns.publish(TopicArn=topic, Message="yes", Subject="S", MessageAttributes=attributes("yy", 4))
    told = json.loads(receive(url)[0]["Body"])
    assert told["Type"] == "Notification" and told["Message"] == "yes" and told["Subject"] == "S", told
    assert told["MessageId"] == sent["MessageId"]
    assert told["MessageAttributes"]["n"] == {"Type": "Number", "Value": "4"}, told
    sns.set_subscription_attributes(
        SubscriptionArn=subscription, AttributeName="RawMessageDelivery", AttributeValue="true"
    )
    entries = [{"Id": "1", "Message": "raw", "MessageAttributes": attributes("x", 9)}]
    assert sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)["Successful"]
    told = receive(url)[0]
    assert told["Body"] == "raw" and told["MessageAttributes"]["kind"]["StringValue"] == "x", told
    refused("NotFound", sns.publish, TopicArn=topic + "x", Message="x")
    text = refused("InvalidParameter", sns.publish, TopicArn=topic, Message="")
    assert text == "Invalid parameter: Empty message", text
    refused("NotImplemented", sns.subscribe, TopicArn=topic, Protocol="email", Endpoint="a@b.c")
    text = refused("InvalidParameter", sns.subscribe, TopicArn=topic, Protocol="sqs", Endpoint=f"{arn}.fifo")
    assert text.endswith("FIFO SQS Queues can not be subscribed to standard SNS topics"), text
    web(sns, topic)
    sns.unsubscribe(SubscriptionArn=subscription)
    sns.delete_topic(TopicArn=topic)
    assert sns.list_topics()["Topics"] == []


def fifo():
    """Order and single delivery from a FIFO topic to queues."""
    sns, sqs = client("sns"), client("sqs")
    refused("InvalidParameter", sns.create_topic, Name="x.fifo")
    refused("InvalidParameter", sns.create_topic, Name="x", Attributes={"FifoTopic": "true"})
    topic = sns.create_topic(Name="steps.fifo", Attributes={"FifoTopic": "true"})["TopicArn"]
    shown = sns.get_topic_attributes(TopicArn=topic)["Attributes"]
    assert shown["FifoTopic"] == "true" and shown["ContentBasedDeduplication"] == "false", shown
    arn = "arn:aws:sqs:us-east-1:000000000000:steps.fifo"
    policy = json.dumps(senders(arn, "sns"))
    url = sqs.create_queue(QueueName="steps.fifo", Attributes={"FifoQueue": "true", "Policy": policy})["QueueUrl"]
    for protocol, endpoint in [
        ("lambda", "arn:aws:lambda:us-east-1:000000000000:function:f"),
        ("https", "https://example.com"),
    ]:
        text = refused("InvalidParameter", sns.subscribe, TopicArn=topic, Protocol=protocol, Endpoint=endpoint)
        assert text == f"Invalid parameter: Invalid protocol type: {protocol}", text
    raw = {"RawMessageDelivery": "true"}
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=raw)
    text = refused("InvalidParameter", sns.publish, TopicArn=topic, Message="x")
    assert text == "Invalid parameter: The MessageGroupId parameter is required for FIFO topics", text
    text = refused("InvalidParameter", sns.publish, TopicArn=topic, Message="x", MessageGroupId="g")
    assert text.startswith("Invalid parameter: The topic should either have ContentBasedDeduplication enabled"), text
    sns.set_topic_attributes(TopicArn=topic, AttributeName="ContentBasedDeduplication", AttributeValue="true")
    numbers = []
    for n in range(40):
        sent = sns.publish(TopicArn=topic, Message=f"m{n:02}", MessageGroupId="ab"[n % 2])
        numbers.append(sent["SequenceNumber"])
        assert len(sent["SequenceNumber"]) == 20, sent
        again = sns.publish(TopicArn=topic, Message=f"m{n:02}", MessageGroupId="ab"[n % 2])
        assert again["MessageId"] == sent["MessageId"], again
    assert numbers == sorted(numbers)
    entries = [{"Id": f"e{n}", "Message": f"n{n}", "MessageGroupId": "a", "MessageDeduplicationId": "d"} for n in range(2)]
    batch = sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)["Successful"]
    assert len({one["MessageId"] for one in batch}) == 1, batch
    got = {"a": [], "b": []}

    def all_of_them():
        for message in sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1, AttributeNames=["All"]
        ).get("Messages", []):
            got[message["Attributes"]["MessageGroupId"]].append(message["Body"])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return len(got["a"]) + len(got["b"]) >= 41

    eventually("all in order", all_of_them)
    assert got["a"] == [f"m{n:02}" for n in range(0, 40, 2)] + ["n0"], got
    assert got["b"] == [f"m{n:02}" for n in range(1, 40, 2)], got
    sns.delete_topic(TopicArn=topic)


def verified(told, names, hash):
    """Verifies a notification as SDKs do: with the key in the certificate that it names."""
    with urllib.request.urlopen(told["SigningCertURL"]) as answer:
        pem = answer.read().decode()
    body = "".join(line for line in pem.splitlines() if not line.startswith("-----"))
    certificate, _ = decoder.decode(base64.b64decode(body))
    key = rsa.PublicKey.load_pkcs1_openssl_der(encoder.encode(certificate[0][6]))
    said = "".join(f"{name}\n{told[name]}\n" for name in names)
    used = rsa.verify(said.encode(), base64.b64decode(told["Signature"]), key)
    assert used == hash, used


def web(sns, topic):
    heard = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            heard.append((self.headers["x-amz-sns-message-type"], json.loads(body)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    endpoint = f"http://127.0.0.1:{server.server_port}/hook"
    pending = sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=endpoint)
    assert pending["SubscriptionArn"] == "pending confirmation", pending
    eventually("the endpoint is asked", lambda: heard)
    kind, question = heard[0]
    assert kind == "SubscriptionConfirmation", kind
    verified(question, ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"], "SHA-1")
    # Whoever has the link needs no key.
    with urllib.request.urlopen(question["SubscribeURL"]) as answer:
        assert b"<ConfirmSubscriptionResponse" in answer.read()
    sns.set_topic_attributes(TopicArn=topic, AttributeName="SignatureVersion", AttributeValue="2")
    sns.publish(TopicArn=topic, Message="web", Subject="S")
    eventually("the endpoint is told", lambda: len(heard) > 1)
    assert heard[1][0] == "Notification" and heard[1][1]["Message"] == "web", heard
    told = heard[1][1]
    verified(told, ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"], "SHA-256")
    try:
        verified({**told, "Message": "other"}, ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"], "")
        raise AssertionError("another message has the same signature")
    except rsa.VerificationError:
        pass
    queues = [one["SubscriptionArn"] for one in sns.list_subscriptions()["Subscriptions"] if one["Protocol"] == "sqs"]
    link = told["UnsubscribeURL"]
    for arn in queues:
        try:
            urllib.request.urlopen(link.split("SubscriptionArn=")[0] + "SubscriptionArn=" + arn)
            raise AssertionError("a queue's subscription ends without a signature")
        except urllib.error.HTTPError as error:
            assert error.code == 403, error
    with urllib.request.urlopen(link) as answer:
        assert b"<UnsubscribeResponse" in answer.read()
    assert [one for one in sns.list_subscriptions()["Subscriptions"] if one["Protocol"] == "http"] == []
    server.shutdown()


def rules():
    events = client("events")
    url, arn = queue("matched", "events")
    pattern = json.dumps({"source": ["my.app"], "detail": {"state": [{"anything-but": "bad"}]}})
    rule = events.put_rule(Name="mine", EventPattern=pattern)["RuleArn"]
    assert rule == "arn:aws:events:us-east-1:000000000000:rule/mine"
    transformer = {
        "InputPathsMap": {"s": "$.detail.state"},
        "InputTemplate": '{"state": <s>, "text": "is <s>"}',
    }
    targets = [{"Id": "q", "Arn": arn, "InputTransformer": transformer}]
    strange = [{"Id": "q", "Arn": arn, "RoleArn": ROLE.replace("/any", "/nobody")}]
    refused("ValidationException", events.put_targets, Rule="mine", Targets=strange)
    assert events.put_targets(Rule="mine", Targets=targets)["FailedEntryCount"] == 0
    entry = {"Source": "my.app", "DetailType": "change"}
    put = events.put_events(
        Entries=[
            {**entry, "Detail": '{"state":"bad"}'},
            {**entry, "Detail": '{"state":"good"}'},
            {**entry, "Detail": '"x"'},
        ]
    )
    assert put["FailedEntryCount"] == 1, put
    assert put["Entries"][2] == {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}, put
    told = receive(url)
    assert [message["Body"] for message in told] == ['{"state": "good", "text": "is good"}'], told
    refused("InvalidEventPatternException", events.put_rule, Name="bad", EventPattern='{"a":"b"}')
    refused("ValidationException", events.delete_rule, Name="mine")
    events.remove_targets(Rule="mine", Ids=["q"])
    events.delete_rule(Name="mine")
    refused("ResourceNotFoundException", events.describe_rule, Name="mine")
    bus = events.create_event_bus(Name="side")["EventBusArn"]
    events.put_rule(Name="all", EventBusName="side", EventPattern='{"source":[{"prefix":""}]}')
    events.put_targets(Rule="all", EventBusName="side", Targets=[{"Id": "q", "Arn": arn}])
    events.put_events(Entries=[{**entry, "Detail": "{}", "EventBusName": bus}])
    told = json.loads(receive(url)[0]["Body"])
    assert told["source"] == "my.app" and told["detail-type"] == "change" and told["version"] == "0", told
    # A queue whose policy does not let the rule in is not told; the rule's own queue is, why.
    _, closed = queue("closed")
    dead_url, dead = queue("dead", "events")
    target = {"Id": "q", "Arn": closed, "DeadLetterConfig": {"Arn": dead}}
    events.put_targets(Rule="all", EventBusName="side", Targets=[target])
    events.put_events(Entries=[{**entry, "Detail": "{}", "EventBusName": bus}])
    why = receive(dead_url)[0]["MessageAttributes"]
    assert why["ERROR_CODE"]["StringValue"] == "AccessDenied", why
    assert "sqs:sendmessage on resource: " + closed in why["ERROR_MESSAGE"]["StringValue"], why


def executions():
    events, states = client("events"), client("stepfunctions")
    url, arn = queue("changes", "events")
    pattern = {"source": ["aws.states"], "detail-type": ["Step Functions Execution Status Change"]}
    events.put_rule(Name="changes", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="changes", Targets=[{"Id": "q", "Arn": arn}])
    entries = [{"Source": "machine", "DetailType": "d", "Detail": {"a": 1}}]
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::events:putEvents",
        "Parameters": {"Entries": entries},
        "End": True,
    }
    definition = json.dumps({"StartAt": "Put", "States": {"Put": task}})
    machine = states.create_state_machine(name="puts", roleArn=ROLE, definition=definition)["stateMachineArn"]
    execution = states.start_execution(stateMachineArn=machine, input='{"k":1}')["executionArn"]
    told = {}
    for message in receive(url, 2):
        event = json.loads(message["Body"])
        assert event["resources"] == [execution], event
        told[event["detail"]["status"]] = event["detail"]
    assert sorted(told) == ["RUNNING", "SUCCEEDED"], told
    running, succeeded = told["RUNNING"], told["SUCCEEDED"]
    assert running["stopDate"] is None and running["output"] is None, running
    assert succeeded["input"] == '{"k":1}' and isinstance(succeeded["stopDate"], int), succeeded
    assert succeeded["stateMachineArn"] == machine and succeeded["inputDetails"] == {"included": True}


def schedules():
    scheduler = client("scheduler")
    url, arn = queue("ticks")
    soon = (datetime.now(timezone.utc) + timedelta(seconds=2)).strftime("%Y-%m-%dT%H:%M:%S")
    target = {"Arn": arn, "RoleArn": ROLE, "Input": '{"at":"<aws.scheduler.scheduled-time>"}'}
    made = scheduler.create_schedule(
        Name="once",
        ScheduleExpression=f"at({soon})",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target=target,
        ActionAfterCompletion="DELETE",
    )
    assert made["ScheduleArn"] == "arn:aws:scheduler:us-east-1:000000000000:schedule/default/once"
    assert scheduler.get_schedule(Name="once")["Target"]["RetryPolicy"]["MaximumRetryAttempts"] == 185
    assert json.loads(receive(url)[0]["Body"]) == {"at": f"{soon}Z"}
    refused("ResourceNotFoundException", scheduler.get_schedule, Name="once")
    arguments = {"Name": "x", "FlexibleTimeWindow": {"Mode": "OFF"}, "Target": target}
    refused("ValidationException", scheduler.create_schedule, ScheduleExpression="every day", **arguments)
    bus = "arn:aws:events:us-east-1:000000000000:event-bus/default"
    for wanting, member in [(f"{arn}.fifo", "SqsParameters"), (bus, "EventBridgeParameters")]:
        lacking = {**arguments, "Target": {**target, "Arn": wanting}}
        text = refused(
            "ValidationException", scheduler.create_schedule, ScheduleExpression="rate(1 day)", **lacking
        )
        assert text == f"{member} must be specified for the target {wanting}.", text
    stranger = {**arguments, "Target": {**target, "RoleArn": ROLE.replace("/any", "/nobody")}}
    text = refused("ValidationException", scheduler.create_schedule, ScheduleExpression="rate(1 day)", **stranger)
    assert text.startswith("The execution role you provide must allow"), text
    scheduler.create_schedule_group(Name="team")
    daily = {"ScheduleExpression": "cron(0 8 ? * MON-FRI *)", "ScheduleExpressionTimezone": "Europe/Berlin"}
    scheduler.create_schedule(GroupName="team", **daily, **arguments)
    listed = scheduler.list_schedules(GroupName="team")["Schedules"]
    assert [one["Name"] for one in listed] == ["x"], listed
    scheduler.delete_schedule_group(Name="team")
    assert scheduler.list_schedules()["Schedules"] == []


def secrets():
    ssm, manager = client("ssm"), client("secretsmanager")
    ssm.put_parameter(Name="/app/db/password", Value="hush", Type="SecureString")
    ssm.put_parameter(Name="/app/x", Value="1", Type="String")
    refused("ParameterAlreadyExists", ssm.put_parameter, Name="/app/x", Value="2", Type="String")
    ssm.put_parameter(Name="/app/x", Value="2", Type="String", Overwrite=True)
    sealed = ssm.get_parameter(Name="/app/db/password")["Parameter"]["Value"]
    opened = ssm.get_parameter(Name="/app/db/password", WithDecryption=True)["Parameter"]["Value"]
    assert opened == "hush" and "hush" not in sealed
    found = ssm.get_parameters_by_path(Path="/app", Recursive=True)["Parameters"]
    assert [one["Name"] for one in found] == ["/app/db/password", "/app/x"], found
    some = ssm.get_parameters(Names=["/app/x:1", "nope"])
    assert some["Parameters"][0]["Value"] == "1" and some["InvalidParameters"] == ["nope"], some
    history = ssm.get_parameter_history(Name="/app/x")["Parameters"]
    assert [one["Value"] for one in history] == ["1", "2"], history
    refused("ParameterNotFound", ssm.get_parameter, Name="nope")
    ssm.put_parameter(Name="/slashed", Value="3", Type="String")
    arn = ssm.get_parameter(Name="/slashed")["Parameter"]["ARN"]
    assert ssm.get_parameter(Name=arn)["Parameter"]["Name"] == "/slashed"
    ssm.delete_parameter(Name=arn)
    refused("ParameterNotFound", ssm.get_parameter, Name="/slashed")
    arn = manager.create_secret(Name="db", SecretString="one")["ARN"]
    manager.put_secret_value(SecretId="db", SecretString="two")
    assert manager.get_secret_value(SecretId=arn)["SecretString"] == "two"
    former = manager.get_secret_value(SecretId="db", VersionStage="AWSPREVIOUS")
    assert former["SecretString"] == "one", former
    refused("ResourceExistsException", manager.create_secret, Name="db", SecretString="x")
    manager.delete_secret(SecretId="db")
    refused("InvalidRequestException", manager.get_secret_value, SecretId="db")
    manager.restore_secret(SecretId="db")
    manager.delete_secret(SecretId="db", ForceDeleteWithoutRecovery=True)
    refused("ResourceNotFoundException", manager.get_secret_value, SecretId="db")
    assert len(manager.get_random_password()["RandomPassword"]) == 32


FUNCTION = """exports.handler = async (event) => {
    console.log(JSON.stringify(event));
    return process.env.WHAT;
};"""


def templates():
    cloudformation, logs = client("cloudformation"), client("logs")
    secret = {"SecretStringTemplate": '{"u":"me"}', "GenerateStringKey": "pw"}
    queue_arn = {"Fn::GetAtt": ["Queue", "Arn"]}
    function = {
        "Runtime": "nodejs22.x",
        "Handler": "index.handler",
        "InlineCode": FUNCTION,
        "Environment": {"Variables": {"WHAT": "{{resolve:secretsmanager:tsec:SecretString:u}}-{{resolve:ssm:/t/p}}"}},
        "Events": {
            "Tick": {"Type": "Schedule", "Properties": {"Schedule": "rate(1 day)"}},
            "Later": {"Type": "ScheduleV2", "Properties": {"ScheduleExpression": "rate(1 day)"}},
            "On": {"Type": "EventBridgeRule", "Properties": {"Pattern": {"source": ["fn"]}}},
            "News": {"Type": "SNS", "Properties": {"Topic": {"Ref": "Topic"}}},
        },
    }
    resources = {
        "Parameter": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "v1", "Name": "/t/p"}},
        "Secret": {
            "Type": "AWS::SecretsManager::Secret",
            "Properties": {"Name": "tsec", "GenerateSecretString": secret},
        },
        "Queue": {"Type": "AWS::SQS::Queue"},
        "Senders": {
            "Type": "AWS::SQS::QueuePolicy",
            "Properties": {"Queues": [{"Ref": "Queue"}], "PolicyDocument": senders(queue_arn, "sns", "events")},
        },
        "Topic": {
            "Type": "AWS::SNS::Topic",
            "Properties": {"Subscription": [{"Protocol": "sqs", "Endpoint": queue_arn}]},
        },
        "Rule": {
            "Type": "AWS::Events::Rule",
            "Properties": {"EventPattern": {"source": ["tpl"]}, "Targets": [{"Id": "q", "Arn": queue_arn}]},
        },
        "Function": {
            "Type": "AWS::Serverless::Function",
            "DependsOn": ["Parameter", "Secret"],
            "Properties": function,
        },
    }
    template = json.dumps({"Transform": "AWS::Serverless-2016-10-31", "Resources": resources})
    capabilities = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
    cloudformation.create_stack(StackName="msg", TemplateBody=template, Capabilities=capabilities)

    def ended():
        stack = cloudformation.describe_stacks(StackName="msg")["Stacks"][0]
        return None if stack["StackStatus"].endswith("PROGRESS") else stack

    stack = eventually("the stack is there", ended)
    if stack["StackStatus"] != "CREATE_COMPLETE":
        raise AssertionError(cloudformation.describe_stack_events(StackName="msg")["StackEvents"])
    made = cloudformation.describe_stack_resources(StackName="msg")["StackResources"]
    made = {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in made}
    answer = client("lambda").invoke(FunctionName=made["Function"])["Payload"].read()
    assert answer == b'"me-v1"', answer
    client("sns").publish(TopicArn=made["Topic"], Message="hello")
    entries = [{"Source": source, "DetailType": "d", "Detail": "{}"} for source in ("fn", "tpl")]
    client("events").put_events(Entries=entries)
    bodies = [json.loads(message["Body"]) for message in receive(made["Queue"], 2)]
    assert {body.get("Message") or body.get("source") for body in bodies} == {"hello", "tpl"}, bodies

    def heard():
        try:
            lines = logs.filter_log_events(logGroupName="/aws/lambda/" + made["Function"])["events"]
        except ClientError:
            # The group is made with the first line that is written.
            return False
        text = "".join(line["message"] for line in lines)
        return '"EventSource":"aws:sns"' in text and '"source":"fn"' in text

    eventually("the function hears of both", heard)
    cloudformation.delete_stack(StackName="msg")

    def gone():
        try:
            cloudformation.describe_stacks(StackName="msg")
        except ClientError:
            return True
        return False

    eventually("the stack is gone", gone)
    assert client("sns").list_topics()["Topics"] == []
    assert client("events").list_rules()["Rules"] == []
    assert client("scheduler").list_schedules()["Schedules"] == []
    refused("ParameterNotFound", client("ssm").get_parameter, Name="/t/p")


def template_changes():
    cloudformation, events, sns = client("cloudformation"), client("events"), client("sns")
    bus = "arn:aws:events:us-east-1:000000000000:event-bus/changing"
    statement = {"Sid": "s", "Effect": "Allow", "Principal": "*", "Action": "events:PutEvents", "Resource": bus}

    def template(tags, **subscription):
        subscribed = {
            "TopicArn": {"Ref": "Topic"},
            "Protocol": "sqs",
            "Endpoint": {"Fn::GetAtt": ["Queue", "Arn"]},
            "FilterPolicy": {"kind": ["x"]},
        }
        policy = {} if len(tags) == 1 else {"Policy": {"Version": "2012-10-17", "Statement": [statement]}}
        tags = [{"Key": key, "Value": value} for key, value in tags.items()]
        resources = {
            "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "chg", "Tags": tags}},
            "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "chg", "Tags": tags}},
            "Group": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/chg", "Tags": tags}},
            "Schedules": {"Type": "AWS::Scheduler::ScheduleGroup", "Properties": {"Name": "chg", "Tags": tags}},
            "Secret": {"Type": "AWS::SecretsManager::Secret", "Properties": {"Name": "chg", "Tags": tags}},
            "Activity": {"Type": "AWS::StepFunctions::Activity", "Properties": {"Name": "chg", "Tags": tags}},
            "Subscription": {"Type": "AWS::SNS::Subscription", "Properties": {**subscribed, **subscription}},
            "Bus": {"Type": "AWS::Events::EventBus", "Properties": {"Name": "changing", "Tags": tags, **policy}},
            "Rule": {
                "Type": "AWS::Events::Rule",
                "Properties": {"Name": "changing", "EventPattern": {"source": ["x"]}, "Tags": tags},
            },
        }
        return json.dumps({"Resources": resources})

    def ends(status):
        def ended():
            stack = cloudformation.describe_stacks(StackName="chg")["Stacks"][0]
            return None if stack["StackStatus"].endswith("PROGRESS") else stack

        stack = eventually("the stack is done", ended)
        if stack["StackStatus"] != status:
            raise AssertionError(cloudformation.describe_stack_events(StackName="chg")["StackEvents"])

    before = template({"a": "1", "b": "2"}, FilterPolicyScope="MessageBody")
    cloudformation.create_stack(StackName="chg", TemplateBody=before)
    ends("CREATE_COMPLETE")
    assert '"Sid":"s"' in events.describe_event_bus(Name="changing")["Policy"].replace(" ", "")
    cloudformation.update_stack(StackName="chg", TemplateBody=template({"a": "3"}))
    ends("UPDATE_COMPLETE")
    subscription = sns.list_subscriptions()["Subscriptions"][0]["SubscriptionArn"]
    shown = sns.get_subscription_attributes(SubscriptionArn=subscription)["Attributes"]
    assert shown["FilterPolicyScope"] == "MessageAttributes", shown
    for arn in (bus, "arn:aws:events:us-east-1:000000000000:rule/changing"):
        assert events.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "a", "Value": "3"}], arn
    arn = lambda service, rest: f"arn:aws:{service}:us-east-1:000000000000:{rest}"  # noqa: E731
    pair = [{"Key": "a", "Value": "3"}]
    for shown, expected in [
        (client("sqs").list_queue_tags(QueueUrl="chg")["Tags"], {"a": "3"}),
        (sns.list_tags_for_resource(ResourceArn=arn("sns", "chg"))["Tags"], pair),
        (client("logs").list_tags_for_resource(resourceArn=arn("logs", "log-group:/chg"))["tags"], {"a": "3"}),
        (client("scheduler").list_tags_for_resource(ResourceArn=arn("scheduler", "schedule-group/chg"))["Tags"], pair),
        (client("secretsmanager").describe_secret(SecretId="chg")["Tags"], pair),
        (
            client("stepfunctions").list_tags_for_resource(resourceArn=arn("states", "activity:chg"))["tags"],
            [{"key": "a", "value": "3"}],
        ),
    ]:
        assert shown == expected, (shown, expected)
    assert "Policy" not in events.describe_event_bus(Name="changing")
    cloudformation.delete_stack(StackName="chg")


if __name__ == "__main__":
    for chapter in sys.argv[1:]:
        globals()[chapter]()
        print(chapter, "done")
