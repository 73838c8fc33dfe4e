import { X509Certificate } from "node:crypto";
import test from "ava";
import { regionOf, Sns, SnsError } from "../../../examples/gateway/sns.js";
import { NOON, SnsStandIn, TOPIC_ARN } from "./harness.js";

const NOTIFICATION = {
  Type: "Notification",
  MessageId: "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
  TopicArn: TOPIC_ARN,
  Subject: "Grüße\nvon SNS",
  Message: '{"text":"\\u00e4 and \\"quotes\\""}',
  Timestamp: "2025-11-20T12:00:00.000Z",
};

async function standIn(now = NOON) {
  const amazon = await new SnsStandIn().start();
  const sns = new Sns({ topicArns: [TOPIC_ARN], origin: amazon.url }, () => now);
  const confirmation = {
    ...NOTIFICATION,
    Type: "SubscriptionConfirmation",
    Subject: undefined as unknown as string,
    Token: "token",
    SubscribeURL: `${amazon.url}/?Action=ConfirmSubscription&TopicArn=${TOPIC_ARN}&Token=token`,
  };
  delete (confirmation as Partial<typeof confirmation>).Subject;
  return { amazon, sns, confirmation, check: (json: string) => sns.check(JSON.parse(json)) };
}

for (const version of ["1", "2"] as const)
  test(`a message signed by version ${version} is taken, with and without a subject`, async (t) => {
    const { amazon, check } = await standIn();
    const { Subject: _, ...plain } = NOTIFICATION;
    for (const envelope of [NOTIFICATION, plain])
      t.like(await check(amazon.signed(envelope, version)), {
        type: "Notification",
        messageId: NOTIFICATION.MessageId,
        message: NOTIFICATION.Message,
        subscribeUrl: null,
      });
    t.is(amazon.asked.length, 1, "the certificate is fetched once");
  });

test("whatever is signed cannot be changed, left out or added", async (t) => {
  const { amazon, check, confirmation } = await standIn();
  for (const envelope of [NOTIFICATION, confirmation] as Record<string, string>[]) {
    const signed = JSON.parse(amazon.signed(envelope)) as Record<string, string>;
    await t.notThrowsAsync(check(JSON.stringify(signed)));
    for (const name of [...Object.keys(envelope), "Signature"]) {
      const change = (value: unknown) => check(JSON.stringify({ ...signed, [name]: value }));
      await t.throwsAsync(change(`x${signed[name]}`), { instanceOf: SnsError }, name);
      await t.throwsAsync(change(undefined), { instanceOf: SnsError }, name);
      await t.throwsAsync(change(["x"]), { instanceOf: SnsError }, name);
    }
    await t.throwsAsync(check(JSON.stringify({ ...signed, SignatureVersion: "2" })), {
      instanceOf: SnsError,
    });
    await t.throwsAsync(check(JSON.stringify({ ...signed, SignatureVersion: "3" })), {
      message: "SignatureVersion: 1 and 2 are accepted",
    });
  }
  await t.throwsAsync(check(amazon.signed({ ...NOTIFICATION, Type: "__proto__" })), { message: /^Type/ });
  const stranger = await new SnsStandIn().start();
  const forged = JSON.parse(stranger.signed(NOTIFICATION));
  const claimed = JSON.parse(amazon.signed(NOTIFICATION)).SigningCertURL;
  await t.throwsAsync(check(JSON.stringify({ ...forged, SigningCertURL: claimed })), {
    message: "Signature does not fit the message",
  });
});

test("a topic that is not ours is refused, however well it is signed", async (t) => {
  const { amazon, check } = await standIn();
  const TopicArn = "arn:aws:sns:us-east-1:999999999999:orders";
  await t.throwsAsync(check(amazon.signed({ ...NOTIFICATION, TopicArn })), {
    instanceOf: SnsError,
    message: `TopicArn ${TopicArn} is not accepted`,
  });
  t.deepEqual(amazon.asked, []);
});

test("a certificate is fetched from SNS in the topic's region and from nowhere else", async (t) => {
  const { amazon } = await standIn();
  const sns = new Sns({ topicArns: [TOPIC_ARN] }, () => NOON);
  const check = (SigningCertURL: string) =>
    sns.check({ ...JSON.parse(amazon.signed(NOTIFICATION)), SigningCertURL });
  const file = "/SimpleNotificationService-0123.pem";
  for (const url of [
    `${amazon.url}${file}`,
    `http://sns.us-east-1.amazonaws.com${file}`,
    `https://sns.us-east-1.amazonaws.com:444${file}`,
    `https://sns.us-east-1.amazonaws.com.example.com${file}`,
    `https://sns.eu-west-1.amazonaws.com${file}`,
    `https://s3.us-east-1.amazonaws.com${file}`,
    `https://user@sns.us-east-1.amazonaws.com${file}`,
    `https://example.com/https://sns.us-east-1.amazonaws.com${file}`,
    "https://sns.us-east-1.amazonaws.com/bucket/mine.pem",
    `https://sns.us-east-1.amazonaws.com${file}?x=1`,
    "nonsense",
  ])
    await t.throwsAsync(check(url), { instanceOf: SnsError, message: /SigningCertURL/ }, url);
  t.deepEqual(amazon.asked, []);
});

test("a certificate that cannot be had is no verdict, and is asked for again", async (t) => {
  const { amazon, check } = await standIn();
  amazon.answers.push(503, 302);
  for (const status of [503, 302]) {
    const error = await t.throwsAsync(check(amazon.signed(NOTIFICATION)));
    t.false(error instanceof SnsError);
    t.regex(error!.message, new RegExp(`status ${status}`));
  }
  await t.notThrowsAsync(check(amazon.signed(NOTIFICATION)));
  t.is(amazon.asked.length, 3);
});

test("a certificate out of its time is refused", async (t) => {
  const { amazon, check } = await standIn(Date.UTC(2050, 0, 1));
  await t.throwsAsync(check(amazon.signed(NOTIFICATION)), { instanceOf: SnsError, message: /valid until/ });
});

test("a subscription is confirmed at SNS alone, and only for the topic of the message", async (t) => {
  const { amazon, check, confirmation, sns } = await standIn();
  t.is(await sns.confirm(await check(amazon.signed(confirmation))), "arn:confirmed");
  t.is(amazon.asked.at(-1), `/?Action=ConfirmSubscription&TopicArn=${TOPIC_ARN}&Token=token`);
  const asked = amazon.asked.length;
  for (const SubscribeURL of [
    "http://example.com/?Action=ConfirmSubscription",
    "nonsense",
    `${amazon.url}/?Action=Unsubscribe&TopicArn=${TOPIC_ARN}`,
    `${amazon.url}/?Action=ConfirmSubscription&TopicArn=arn:aws:sns:us-east-1:999999999999:x`,
  ]) {
    const message = await check(amazon.signed({ ...confirmation, SubscribeURL }));
    await t.throwsAsync(
      sns.confirm(message),
      { instanceOf: SnsError, message: /^SubscribeURL/ },
      SubscribeURL,
    );
  }
  t.is(amazon.asked.length, asked);
  amazon.answers.push(500);
  const error = await t.throwsAsync(sns.confirm(await check(amazon.signed(confirmation))));
  t.false(error instanceof SnsError);
});

test("ARNs of topics tell their region, and nothing else has one", (t) => {
  t.is(regionOf(TOPIC_ARN), "us-east-1");
  t.is(regionOf("arn:aws-cn:sns:cn-north-1:123456789012:a.fifo"), "cn-north-1");
  for (const arn of ["", "arn:aws:sqs:us-east-1:123456789012:a", "arn:aws:sns:evil.com/:123456789012:a"])
    t.is(regionOf(arn), undefined, arn);
});

test("the test's certificate is one that Node.js reads", async (t) => {
  const { amazon } = await standIn();
  const certificate = new X509Certificate(amazon.certificate);
  t.is(certificate.subject, "CN=sns.test");
  t.true(certificate.verify(amazon.publicKey));
});
