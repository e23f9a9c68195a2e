"""SQS as clients spoke to it before it spoke JSON: forms in, XML out, signed by botocore.

The environment says where the server is. Everything is asserted here.
"""

import os
import urllib.error
import urllib.parse
import urllib.request
import xml.etree.ElementTree as ElementTree

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

ENDPOINT = os.environ["AWS_ENDPOINT_URL"]
SPACE = "{http://queue.amazonaws.com/doc/2012-11-05/}"


def ask(action, path="/", **members):
    """Returns the status and the root element of the answer."""
    form = {"Action": action, "Version": "2012-11-05"}
    form.update({name.replace("__", "."): value for name, value in members.items()})
    body = urllib.parse.urlencode(form).encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    request = AWSRequest("POST", ENDPOINT + path, data=body, headers=headers)
    SigV4Auth(boto3.Session().get_credentials(), "sqs", "us-east-1").add_auth(request)
    sent = urllib.request.Request(ENDPOINT + path, body, dict(request.headers))
    try:
        with urllib.request.urlopen(sent) as answer:
            return answer.status, ElementTree.fromstring(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, ElementTree.fromstring(error.read())


def result(action, path="/", **members):
    status, root = ask(action, path, **members)
    assert status == 200, ElementTree.tostring(root)
    assert root.tag == f"{SPACE}{action}Response", root.tag
    assert root.find(f"{SPACE}ResponseMetadata/{SPACE}RequestId").text
    return root.find(f"{SPACE}{action}Result")


def text(element, *names):
    found = element.find("/".join(SPACE + name for name in names))
    return None if found is None else found.text


made = result("CreateQueue", QueueName="old", Attribute__1__Name="VisibilityTimeout", Attribute__1__Value="40", Tag__1__Key="a", Tag__1__Value="b")
url = text(made, "QueueUrl")
path = urllib.parse.urlparse(url).path
assert text(result("GetQueueUrl", QueueName="old"), "QueueUrl") == url
assert [one.text for one in result("ListQueues", QueueNamePrefix="o")] == [url]
tags = result("ListQueueTags", path, QueueUrl=url)
assert (text(tags, "Tag", "Key"), text(tags, "Tag", "Value")) == ("a", "b")
shown = result("GetQueueAttributes", path, AttributeName__1="VisibilityTimeout", AttributeName__2="QueueArn")
shown = {text(one, "Name"): text(one, "Value") for one in shown}
assert shown == {"VisibilityTimeout": "40", "QueueArn": "arn:aws:sqs:us-east-1:000000000000:old"}, shown

sent = result(
    "SendMessage",
    path,
    QueueUrl=url,
    MessageBody="<hello> & \u00fc",
    MessageAttribute__1__Name="city",
    MessageAttribute__1__Value__DataType="String",
    MessageAttribute__1__Value__StringValue="Oslo",
)
assert len(text(sent, "MD5OfMessageBody")) == 32 and len(text(sent, "MD5OfMessageAttributes")) == 32
received = result(
    "ReceiveMessage", path, AttributeName__1="All", MessageAttributeName__1="All", MaxNumberOfMessages="10", WaitTimeSeconds="1"
)
(message,) = received
assert text(message, "Body") == "<hello> & \u00fc"
assert text(message, "MessageId") == text(sent, "MessageId")
assert text(message, "MessageAttribute", "Name") == "city"
assert text(message, "MessageAttribute", "Value", "StringValue") == "Oslo"
attributes = {text(one, "Name"): text(one, "Value") for one in message.findall(SPACE + "Attribute")}
assert attributes["ApproximateReceiveCount"] == "1", attributes
assert result("DeleteMessage", path, ReceiptHandle=text(message, "ReceiptHandle")) is None
assert len(result("ReceiveMessage", path)) == 0

batch = result(
    "SendMessageBatch",
    path,
    SendMessageBatchRequestEntry__1__Id="a",
    SendMessageBatchRequestEntry__1__MessageBody="one",
    SendMessageBatchRequestEntry__2__Id="b",
    SendMessageBatchRequestEntry__2__MessageBody="two",
    SendMessageBatchRequestEntry__2__DelaySeconds="901",
)
assert [text(one, "Id") for one in batch.findall(SPACE + "SendMessageBatchResultEntry")] == ["a"]
(failed,) = batch.findall(SPACE + "BatchResultErrorEntry")
assert (text(failed, "Id"), text(failed, "Code"), text(failed, "SenderFault")) == ("b", "InvalidParameterValue", "true")
result("PurgeQueue", path)

for action, members, code, message in [
    ("GetQueueUrl", {"QueueName": "nope"}, "AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist."),
    ("SendMessage", {"QueueUrl": url}, "MissingParameter", "The request must contain the parameter MessageBody."),
    ("Nope", {}, "InvalidAction", "Could not find operation Nope for version 2012-11-05"),
]:
    status, root = ask(action, **members)
    assert status == 400, status
    error = root.find(SPACE + "Error")
    assert (text(error, "Type"), text(error, "Code"), text(error, "Message")) == ("Sender", code, message), ElementTree.tostring(root)
result("DeleteQueue", path)
