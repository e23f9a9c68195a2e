"""The corners of the CloudFormation API, by botocore and by the command line; and a stack as the CDK writes it.
Prints what answers otherwise than documented."""

import json
import os
import subprocess
import sys
import tempfile
import time

from botocore.exceptions import ClientError

from lives import archive, clients

client = clients()
stacks = client("cloudformation")
findings = []
AWS = os.path.join(os.path.dirname(sys.executable), "aws")
QUEUE = "Resources: {Q: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: %s}}}"
BAD = "M: {Type: AWS::StepFunctions::StateMachine, DependsOn: Q, Properties: {RoleArn: 'arn:aws:iam::000000000000:role/any', DefinitionString: bad}}"


def same(what, found, wanted):
    if found != wanted:
        findings.append(f"{what}: {found!r} instead of {wanted!r}")


def refused(what, wanted, operation, **given):
    try:
        getattr(stacks, operation)(**given)
    except ClientError as error:
        text = error.response["Error"]["Message"]
        if wanted not in text:
            findings.append(f"{what}: refused with {text!r} instead of {wanted!r}")
        return
    findings.append(f"{what}: not refused ({wanted!r})")


def stack(name):
    return stacks.describe_stacks(StackName=name)["Stacks"][0]


def settled(name, wanted):
    for _ in range(3000):
        try:
            found = stack(name)
        except ClientError:
            if wanted != "gone":
                findings.append(f"{name} is gone instead of {wanted}")
            return {}
        # What goes when its creation fails is rolled back before.
        passing = ("ROLLBACK_COMPLETE",) if wanted == "gone" else ()
        if not found["StackStatus"].endswith("_IN_PROGRESS") and found["StackStatus"] not in passing:
            break
        time.sleep(0.02)
    if found["StackStatus"] != wanted:
        events = stacks.describe_stack_events(StackName=name)["StackEvents"]
        failed = [(event["LogicalResourceId"], event.get("ResourceStatusReason")) for event in events if "FAILED" in event["ResourceStatus"]]
        findings.append(f"{name} is {found['StackStatus']} instead of {wanted}: {failed[:3]}")
    return found


def create(name, template, wanted="CREATE_COMPLETE", **more):
    stacks.create_stack(StackName=name, TemplateBody=template, Capabilities=["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"], **more)
    return settled(name, wanted)


def update(name, template, wanted="UPDATE_COMPLETE", **more):
    stacks.update_stack(StackName=name, TemplateBody=template, Capabilities=["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"], **more)
    return settled(name, wanted)


def delete(name):
    stacks.delete_stack(StackName=name)
    settled(name, "gone")


def visibility(name):
    url = stacks.describe_stack_resource(StackName=name, LogicalResourceId="Q")["StackResourceDetail"]["PhysicalResourceId"]
    attributes = client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return attributes["VisibilityTimeout"]


def aws(*arguments, wanted=0):
    ran = subprocess.run([AWS, *arguments], capture_output=True, text=True, env={**os.environ, "AWS_PAGER": ""})
    if ran.returncode != wanted:
        findings.append(f"aws {' '.join(arguments)} ended with {ran.returncode}: {ran.stdout}{ran.stderr}")
    return ran.stdout + ran.stderr


def parameters():
    store = client("ssm")
    template = """
Parameters:
  Plain: {Type: 'AWS::SSM::Parameter::Value<String>', Default: /set/plain}
  Several: {Type: 'AWS::SSM::Parameter::Value<List<String>>', Default: /set/several}
  Commas: {Type: 'AWS::SSM::Parameter::Value<CommaDelimitedList>', Default: /set/several}
  Image: {Type: 'AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>', Default: /set/plain}
  Key: {Type: 'AWS::SSM::Parameter::Name', Default: /set/plain}
  Hidden: {Type: 'AWS::SSM::Parameter::Value<String>', Default: /set/plain, NoEcho: true}
  Net: {Type: 'AWS::EC2::VPC::Id', Default: vpc-1}
Conditions: {Long: !Equals [!Ref Plain, '90']}
Resources:
  Q: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: !Ref Plain, DelaySeconds: !If [Long, 5, 0]}}
Outputs:
  Several: {Value: !Join ['+', !Ref Several]}
  Commas: {Value: !Select [1, !Ref Commas]}
  Key: {Value: !Ref Key}
"""
    refused("a parameter that is not there", "Unable to fetch parameters [/set/plain, /set/several] from parameter store for this account.", "create_stack", StackName="set", TemplateBody=template)
    store.put_parameter(Name="/set/plain", Type="SecureString", Value="30")
    store.put_parameter(Name="/set/several", Type="StringList", Value="a,b")
    refused("a secret parameter", "Parameters [/set/plain] referenced by template have types not supported by CloudFormation.", "create_stack", StackName="set", TemplateBody=template)
    store.delete_parameter(Name="/set/plain")
    store.put_parameter(Name="/set/plain", Type="String", Value="30")
    refused("a type of parameter", "Unrecognized parameter type: AWS::SSM::Parameter::Value<SecureString>", "create_stack", StackName="set", TemplateBody=template.replace("Value<AWS::EC2::Image::Id>", "Value<SecureString>"))
    found = create("set", template)
    shown = {entry["ParameterKey"]: (entry["ParameterValue"], entry.get("ResolvedValue")) for entry in found["Parameters"]}
    same("parameters", shown, {
        "Plain": ("/set/plain", "30"), "Several": ("/set/several", "a,b"), "Commas": ("/set/several", "a,b"), "Image": ("/set/plain", "30"),
        "Key": ("/set/plain", None), "Hidden": ("****", "****"), "Net": ("vpc-1", None),
    })
    same("outputs", {entry["OutputKey"]: entry["OutputValue"] for entry in found["Outputs"]}, {"Several": "a+b", "Commas": "b", "Key": "/set/plain"})
    same("timeout", visibility("set"), "30")
    given = [{"ParameterKey": key, "UsePreviousValue": True} for key in shown]
    refused("nothing new", "No updates are to be performed.", "update_stack", StackName="set", UsePreviousTemplate=True, Parameters=given)
    store.put_parameter(Name="/set/plain", Value="90", Overwrite=True)
    stacks.update_stack(StackName="set", UsePreviousTemplate=True, Parameters=given)
    settled("set", "UPDATE_COMPLETE")
    same("timeout", visibility("set"), "90")
    delete("set")


def rules():
    template = """
Parameters: {Stage: {Type: String, Default: test}, Zones: {Type: CommaDelimitedList, Default: 'a,b'}}
Rules:
  Known:
    RuleCondition: !Equals [!Ref AWS::Region, us-east-1]
    Assertions:
      - {Assert: {Fn::Contains: [[test, live], !Ref Stage]}, AssertDescription: 'Stage is test or live.'}
      - {Assert: {Fn::EachMemberIn: [!Ref Zones, [a, b, c]]}, AssertDescription: 'Zones are a to c.'}
      - {Assert: {Fn::Not: [{Fn::EachMemberEquals: [!Ref Zones, z]}]}}
  Elsewhere: {RuleCondition: !Equals [!Ref AWS::Region, elsewhere], Assertions: [{Assert: !Equals [a, b]}]}
Resources: {Q: {Type: AWS::SQS::Queue}}
"""
    parameter = [{"ParameterKey": "Stage", "ParameterValue": "other"}]
    refused("a rule", "Stage is test or live.", "create_stack", StackName="ruled", TemplateBody=template, Parameters=parameter)
    parameter = [{"ParameterKey": "Zones", "ParameterValue": "a,x"}]
    refused("a rule", "Zones are a to c.", "create_stack", StackName="ruled", TemplateBody=template, Parameters=parameter)
    create("ruled", template)
    delete("ruled")


def signals():
    template = """
Resources:
  Waits: {Type: AWS::CloudFormation::WaitCondition, CreationPolicy: {ResourceSignal: {Count: 2, Timeout: %s}}}
"""
    for status, wanted, text in (("SUCCESS", "CREATE_COMPLETE", ""), ("FAILURE", "ROLLBACK_COMPLETE", "Received 1 FAILURE signal(s) out of 2")):
        name = f"signalled-{status.lower()}"
        stacks.create_stack(StackName=name, TemplateBody=template % "PT1M")
        for unique, said in (("one", "SUCCESS"), ("one", "SUCCESS"), ("two", status)):
            for _ in range(500):
                try:
                    stacks.signal_resource(StackName=name, LogicalResourceId="Waits", UniqueId=unique, Status=said)
                    break
                except ClientError:
                    time.sleep(0.02)
        settled(name, wanted)
        events = json.dumps(stacks.describe_stack_events(StackName=name)["StackEvents"], default=str)
        if text not in events:
            findings.append(f"{name}: no event says {text!r}")
        refused("a late signal", "Waits", "signal_resource", StackName=name, LogicalResourceId="Waits", UniqueId="x", Status="SUCCESS")
        delete(name)
    create("unsignalled", template % "PT0S", "ROLLBACK_COMPLETE")
    delete("unsignalled")
    for attribute, text in (
        ("CreationPolicy: {ResourceSignal: {Count: 1}}", "CreationPolicy (of AWS::SQS::Queue Q) is not supported yet"),
        ("UpdatePolicy: {AutoScalingRollingUpdate: {MinInstancesInService: 1}}", "UpdatePolicy AutoScalingRollingUpdate (of AWS::SQS::Queue Q) is not supported yet"),
        ("UpdateReplacePolicy: RetainExceptOnCreate", "Unrecognized UpdateReplacePolicy RetainExceptOnCreate"),
        ("DeletionPolicy: Snapshot", "DeletionPolicy Snapshot"),
    ):
        text_of = "Resources: {Q: {Type: AWS::SQS::Queue, " + attribute + "}}"
        refused("a policy", text, "create_stack", StackName="policy", TemplateBody=text_of)


def kept():
    """What a policy keeps when a creation is rolled back."""
    for policy, flag, stays in (("Retain", False, True), ("Retain", True, False), ("RetainExceptOnCreate", False, False), ("Delete", False, False)):
        template = "Resources: {Q: {Type: AWS::SQS::Queue, DeletionPolicy: " + policy + ", Properties: {QueueName: kept}}, " + BAD + "}"
        create("kept", template, "ROLLBACK_COMPLETE", RetainExceptOnCreate=flag)
        found = client("sqs").list_queues(QueueNamePrefix="kept").get("QueueUrls", [])
        same(f"{policy}, {flag}", len(found) == 1, stays)
        delete("kept")
        for url in found:
            client("sqs").delete_queue(QueueUrl=url)
    template = "Resources: {Q: {Type: AWS::SQS::Queue, DeletionPolicy: RetainExceptOnCreate, Properties: {QueueName: kept}}}"
    create("kept", template)
    delete("kept")
    found = client("sqs").list_queues(QueueNamePrefix="kept").get("QueueUrls", [])
    same("kept after all", len(found), 1)
    client("sqs").delete_queue(QueueUrl=found[0])


def failures():
    broken = "Resources: {Q: {Type: AWS::SQS::Queue}, " + BAD + "}"
    create("left", broken, "CREATE_FAILED", OnFailure="DO_NOTHING")
    same("left", len(stacks.list_stack_resources(StackName="left")["StackResourceSummaries"]), 2)
    stacks.rollback_stack(StackName="left")
    settled("left", "ROLLBACK_COMPLETE")
    refused("a rollback of what is rolled back", "ROLLBACK_COMPLETE", "rollback_stack", StackName="left")
    delete("left")
    create("left", broken, "CREATE_FAILED", DisableRollback=True)
    delete("left")
    create("deleted", broken, "gone", OnFailure="DELETE")
    create("left", QUEUE % 30)
    changed = "Resources: {Q: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: 60}}, " + BAD + "}"
    update("left", changed, "UPDATE_FAILED", DisableRollback=True)
    same("half way", visibility("left"), "60")
    stacks.rollback_stack(StackName="left")
    settled("left", "UPDATE_ROLLBACK_COMPLETE")
    same("rolled back", visibility("left"), "30")
    refused("a rollback of nothing", "can not be", "continue_update_rollback", StackName="left")
    refused("a cancellation of nothing", "CancelUpdateStack cannot be called from current stack status", "cancel_update_stack", StackName="left")
    delete("left")


def cancelled():
    create("cancelled", QUEUE % 30)
    waiting = """
Resources:
  Q: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: 60}}
  H: {Type: AWS::CloudFormation::WaitConditionHandle}
  W: {Type: AWS::CloudFormation::WaitCondition, DependsOn: Q, Properties: {Handle: !Ref H, Timeout: 3600}}
"""
    stacks.update_stack(StackName="cancelled", TemplateBody=waiting)
    for _ in range(500):
        rows = stacks.list_stack_resources(StackName="cancelled")["StackResourceSummaries"]
        if any(row["LogicalResourceId"] == "W" for row in rows):
            break
        time.sleep(0.02)
    stacks.cancel_update_stack(StackName="cancelled")
    settled("cancelled", "UPDATE_ROLLBACK_COMPLETE")
    same("cancelled", visibility("cancelled"), "30")
    delete("cancelled")


def continued():
    """A rollback that cannot go on, because what it restores is gone."""
    template = """
Resources:
  Q: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: %s}}
  W: {Type: AWS::CloudFormation::WaitConditionHandle}
"""
    create("continued", template % 30)
    url = stacks.describe_stack_resource(StackName="continued", LogicalResourceId="Q")["StackResourceDetail"]["PhysicalResourceId"]
    waiting = (template % 60) + "  C: {Type: AWS::CloudFormation::WaitCondition, DependsOn: Q, Properties: {Handle: !Ref W, Timeout: 3600}}\n"
    stacks.update_stack(StackName="continued", TemplateBody=waiting)
    for _ in range(500):
        rows = stacks.list_stack_resources(StackName="continued")["StackResourceSummaries"]
        if any(row["LogicalResourceId"] == "C" for row in rows):
            break
        time.sleep(0.02)
    client("sqs").delete_queue(QueueUrl=url)
    stacks.cancel_update_stack(StackName="continued")
    settled("continued", "UPDATE_ROLLBACK_FAILED")
    refused("a resource to skip", "W", "continue_update_rollback", StackName="continued", ResourcesToSkip=["W"])
    stacks.continue_update_rollback(StackName="continued")
    settled("continued", "UPDATE_ROLLBACK_FAILED")
    stacks.continue_update_rollback(StackName="continued", ResourcesToSkip=["Q"])
    settled("continued", "UPDATE_ROLLBACK_COMPLETE")
    delete("continued")


def command_line():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "template.yaml")
        os.mkdir(os.path.join(folder, "src"))
        with open(os.path.join(folder, "src", "index.js"), "w") as file:
            file.write("exports.handler = async () => 1;")
        with open(path, "w") as file:
            file.write("""
Transform: AWS::Serverless-2016-10-31
Resources:
  Compute: {Type: AWS::Serverless::Function, Properties: {CodeUri: src/, Handler: index.handler, Runtime: nodejs20.x, Role: 'arn:aws:iam::000000000000:role/any'}}
Outputs: {Name: {Value: !Ref Compute, Export: {Name: compute}}}
""")
        client("s3").create_bucket(Bucket="packages")
        packaged = os.path.join(folder, "packaged.yaml")
        aws("cloudformation", "package", "--template-file", path, "--s3-bucket", "packages", "--output-template-file", packaged)
        deploy = ("cloudformation", "deploy", "--template-file", packaged, "--stack-name", "packed", "--capabilities", "CAPABILITY_AUTO_EXPAND")
        told = aws(*deploy, "--no-execute-changeset")
        if "describe-change-set" not in told:
            findings.append(f"deploy --no-execute-changeset says {told}")
        # The command line names change sets by the second.
        named = int(time.time())
        while int(time.time()) == named:
            time.sleep(0.05)
        same("in review", stack("packed")["StackStatus"], "REVIEW_IN_PROGRESS")
        aws(*deploy)
        aws("cloudformation", "wait", "stack-create-complete", "--stack-name", "packed")
        told = aws(*deploy, "--no-fail-on-empty-changeset")
        if "No changes to deploy" not in told:
            findings.append(f"deploy of the same says {told}")
        summary = json.loads(aws("cloudformation", "get-template-summary", "--template-body", f"file://{packaged}", "--output", "json"))
        same("types", summary["ResourceTypes"], ["AWS::Serverless::Function"])
        same("transforms", summary["DeclaredTransforms"], ["AWS::Serverless-2016-10-31"])
        if '"compute"' not in aws("cloudformation", "list-exports", "--output", "json"):
            findings.append("list-exports does not show the export")
        told = aws("cloudformation", "list-imports", "--export-name", "compute", wanted=255)
        if "Export 'compute' is not imported by any stack." not in told:
            findings.append(f"list-imports says {told}")
        for operation, arguments in (
            ("detect-stack-drift", ("--stack-name", "packed")),
            ("list-stack-sets", ()),
            ("create-stack-set", ("--stack-set-name", "set", "--template-body", QUEUE % 1)),
            ("estimate-template-cost", ("--template-body", QUEUE % 1)),
        ):
            told = aws("cloudformation", operation, *arguments, wanted=255)
            if "is not served here yet" not in told:
                findings.append(f"{operation} says {told}")
        aws("cloudformation", "delete-stack", "--stack-name", "packed")
        aws("cloudformation", "wait", "stack-delete-complete", "--stack-name", "packed")


def cdk():
    """What `cdk synth` writes for a function, its role, a queue and a machine, deployed as `cdk deploy` does."""
    bucket = "cdk-hnb659fds-assets-000000000000-us-east-1"
    client("s3").create_bucket(Bucket=bucket)
    client("s3").put_object(Bucket=bucket, Key="0a1b.zip", Body=archive(index_js="exports.handler = async () => 1;"))
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "cdk.json")) as file:
        template = file.read()
    text = "Unable to fetch parameters [/cdk-bootstrap/hnb659fds/version] from parameter store for this account."
    given = {"ImportExistingResources": False, "DeploymentConfig": {"Mode": "STANDARD", "DisableRollback": False}, "StackName": "synthesized", "ChangeSetName": "cdk-deploy-change-set", "ChangeSetType": "CREATE", "TemplateBody": template, "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]}
    refused("no bootstrap", text, "create_change_set", **given)
    client("ssm").put_parameter(Name="/cdk-bootstrap/hnb659fds/version", Type="String", Value="5")
    refused("an old bootstrap", "CDK bootstrap stack version 6 required.", "create_change_set", **given)
    client("ssm").put_parameter(Name="/cdk-bootstrap/hnb659fds/version", Type="String", Value="21", Overwrite=True)
    stacks.create_change_set(**given)
    stacks.execute_change_set(StackName="synthesized", ChangeSetName="cdk-deploy-change-set", DisableRollback=False)
    found = settled("synthesized", "CREATE_COMPLETE")
    kinds = [row["ResourceType"] for row in stacks.list_stack_resources(StackName="synthesized")["StackResourceSummaries"]]
    same("metadata of the CDK", "AWS::CDK::Metadata" in kinds, True)
    shown = {entry["ParameterKey"]: entry.get("ResolvedValue") for entry in found["Parameters"]}
    same("version", shown, {"BootstrapVersion": "21"})
    outputs = {entry["OutputKey"]: entry["OutputValue"] for entry in found["Outputs"]}
    execution = client("stepfunctions").start_execution(stateMachineArn=outputs["MachineArn"])["executionArn"]
    for _ in range(1000):
        ended = client("stepfunctions").describe_execution(executionArn=execution)
        if ended["status"] != "RUNNING":
            break
        time.sleep(0.02)
    same("the machine", (ended["status"], ended.get("cause")), ("SUCCEEDED", None))
    delete("synthesized")


for walk in (parameters, rules, signals, kept, failures, cancelled, continued, cdk, command_line):
    try:
        walk()
    except Exception as error:
        findings.append(f"{walk.__name__}: {type(error).__name__}: {error}")
print(json.dumps(findings))
