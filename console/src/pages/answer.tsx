// What an answer link shows: one question and its buttons, on a phone too. Nobody is signed in here.
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import { useEffect, useMemo, useState } from "react";
import { lastOf, machineNameOf } from "../api/arn";
import { CallError, said } from "../api/call";
import { type Answer, type Question, answerWith, lookAt } from "../api/tasks";
import { formOf } from "../definition/form";
import { Outline, readDefinition } from "../definition/outline";
import { AnswerForm } from "../parts/answer-form";
import { TextView } from "../parts/text-view";
import { moment } from "../parts/words";

const NAME = "stepd-answer-name";

export default function AnswerPage() {
  const [link] = useState(() => location.hash.slice(1));
  const [question, setQuestion] = useState<Question>();
  const [given, setGiven] = useState<Answer>();
  const [mine, setMine] = useState(false);
  const [failure, setFailure] = useState<string>();
  const [name, setName] = useState(() => localStorage.getItem(NAME) ?? "");

  useEffect(() => {
    const failed = (error: unknown) => {
      if (error instanceof CallError && error.code === "AlreadyAnswered") setGiven(error.fields.answer as Answer);
      else setFailure(error instanceof CallError && error.status > 0 ? error.message : said(error));
    };
    lookAt(link).then(setQuestion, failed);
  }, [link]);

  const form = useMemo(
    () => formOf(readDefinition(question?.definition ?? "") ?? new Outline({}), question?.task.stateName ?? ""),
    [question],
  );
  const task = question?.task;
  const answered = given !== undefined;
  return (
    <main className="narrow">
      <Container
        header={
          <Header variant="h1" description={task && <bdi>{machineNameOf(task.stateMachineArn)} · {lastOf(task.executionArn)}</bdi>}>
            <bdi className="name">{form.title ?? task?.stateName ?? given?.stateName ?? "A question"}</bdi>
          </Header>
        }
      >
        <SpaceBetween size="m">
          {failure !== undefined && <Alert type="error">{failure}</Alert>}
          {answered && (
            <Alert type={mine ? "success" : "info"} header={mine ? "Thank you. Your answer is recorded." : "This was already answered."}>
              <bdi>{given.name ?? given.by}</bdi>, {moment(given.at / 1_000)}
            </Alert>
          )}
          {task === undefined && !answered && failure === undefined && <Spinner size="large" />}
          {task !== undefined && !answered && (
            <>
              {form.about !== undefined && <Box><bdi>{form.about}</bdi></Box>}
              <TextView value={withoutToken(task.parameters)} label="question" />
              {task.timeoutDate !== undefined && <Box color="text-body-secondary">It waits until {moment(task.timeoutDate)}.</Box>}
              <FormField label="Your name" description="Is recorded with the answer">
                <Input value={name} autoComplete="name" onChange={({ detail }) => setName(detail.value)} />
              </FormField>
              <AnswerForm
                form={form}
                onAnswer={async (words) => {
                  localStorage.setItem(NAME, name);
                  try {
                    setGiven((await answerWith(link, words, name)).answer);
                    setMine(true);
                  } catch (error) {
                    if (!(error instanceof CallError) || error.code !== "AlreadyAnswered") throw error;
                    setGiven(error.fields.answer as Answer);
                  }
                }}
              />
            </>
          )}
        </SpaceBetween>
      </Container>
    </main>
  );
}

/** The server shows no token; whoever reads a question has no use for the place where it was. */
function withoutToken(parameters: string): string {
  return parameters.replace(/"(?:taskToken|TaskToken|token|task_token)"\s*:\s*"…",?/g, "").replace(/,(\s*\})/g, "$1");
}
