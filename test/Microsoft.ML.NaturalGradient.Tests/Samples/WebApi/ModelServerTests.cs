using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using WebApiSample;

namespace Microsoft.ML.NaturalGradient.Tests.Samples.WebApi;

[TestClass]
public sealed class ModelServerTests
{
    private static readonly CancellationToken Forever = CancellationToken.None;

    [TestMethod]
    public async Task PredictAsync_ManyAtOnce_AreScoredInFewBatchesAsTransformDoes()
    {
        var (server, metrics) = Create(new ModelOptions());
        using var listener = new MetricsText(metrics);
        var answers = ServedModels.Sentences.Select(text => server.PredictAsync(ServedModels.Review(text))).ToArray();

        await server.StartAsync(Forever);
        await Task.WhenAll(answers);

        var expected = ServedModels.Transform(ServedModels.First, [.. ServedModels.Sentences.Select(ServedModels.Review)]);
        Assert.IsTrue(answers.Zip(expected).All(pair => ServedModels.Agrees(pair.First.Result, pair.Second)));
        StringAssert.Contains(listener.ToString(), "batch_size_count{model=\"Text\"} 2\n"); // 32 and 8 of 40
        await StopAsync(server);
    }

    [TestMethod]
    public async Task Install_ModelSavedForServing_AnswersAsTheTrainedModel()
    {
        var (server, _) = Create(new ModelOptions());
        server.Install(LoadedModel<ReviewModel.ModelInput>.Load(ServedModels.FirstForServing, ServedModels.Review("one")));
        await server.StartAsync(Forever);

        var answers = await Task.WhenAll(ServedModels.Sentences.Select(text => server.PredictAsync(ServedModels.Review(text))));

        var expected = ServedModels.Transform(ServedModels.First, [.. ServedModels.Sentences.Select(ServedModels.Review)]);
        Assert.IsTrue(answers.Zip(expected).All(pair => ServedModels.Agrees(pair.First, pair.Second)));
        await StopAsync(server);
    }

    [TestMethod]
    public async Task PredictAsync_QueueFull_IsRefusedAndTheOthersAreAnswered()
    {
        var (server, _) = Create(new ModelOptions { QueueLength = 2 });
        var first = server.PredictAsync(ServedModels.Review("one"));
        var second = server.PredictAsync(ServedModels.Review("two"));

        var refused = server.PredictAsync(ServedModels.Review("three"));

        await Assert.ThrowsExactlyAsync<ModelUnavailableException>(() => refused);
        await server.StartAsync(Forever);
        await Task.WhenAll(first, second);
        await StopAsync(server);
    }

    [TestMethod]
    public async Task PredictAsync_CancelledWhileWaiting_EndsAtOnceAndIsNotScored()
    {
        var (server, metrics) = Create(new ModelOptions());
        using var listener = new MetricsText(metrics);
        using var source = new CancellationTokenSource();
        var cancelled = server.PredictAsync(ServedModels.Review("one"), source.Token);
        var answered = server.PredictAsync(ServedModels.Review("two"));

        await source.CancelAsync();

        await Assert.ThrowsExactlyAsync<TaskCanceledException>(() => cancelled);
        await server.StartAsync(Forever);
        await answered;
        StringAssert.Contains(listener.ToString(), "batch_size_sum{model=\"Text\"} 1\n");
        StringAssert.Contains(listener.ToString(), "predictions_total{model=\"Text\",outcome=\"cancelled\"} 1\n");
        await StopAsync(server);
    }

    [TestMethod]
    public async Task StopAsync_RequestsWait_AnswersThemAndRefusesOthers()
    {
        var (server, _) = Create(new ModelOptions { MaxBatchSize = 4 });
        var answers = ServedModels.Sentences.Select(text => server.PredictAsync(ServedModels.Review(text))).ToArray();
        await server.StartAsync(Forever);

        await server.StopAsync(Forever);

        await Task.WhenAll(answers).WaitAsync(TimeSpan.FromSeconds(30)); // they were given; who waits for them gets them on other threads
        await Assert.ThrowsExactlyAsync<ModelUnavailableException>(() => server.PredictAsync(ServedModels.Review("late")));
        server.Dispose();
    }

    [TestMethod]
    public async Task StopAsync_NoTimeLeft_RefusesThoseThatWait()
    {
        var (server, _) = Create(new ModelOptions { MaxBatchSize = 1, MaxWaitMilliseconds = 0 });
        var answers = ServedModels.Sentences.Select(text => server.PredictAsync(ServedModels.Review(text))).ToArray();
        await server.StartAsync(Forever);

        await server.StopAsync(new CancellationToken(canceled: true));

        await ((Task)Task.WhenAll(answers)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Assert.IsTrue(answers.All(answer => answer.IsCompletedSuccessfully || answer.Exception?.InnerException is ModelUnavailableException));
        Assert.IsTrue(answers.Any(answer => answer.IsFaulted));
        server.Dispose();
    }

    [TestMethod]
    public async Task Install_WhileRequestsAreScored_EachAnswerIsThatOfItsModel()
    {
        var (server, _) = Create(new ModelOptions { MaxBatchSize = 8, MaxWaitMilliseconds = 0 });
        var rows = ServedModels.Sentences.Select(ServedModels.Review).ToArray();
        Dictionary<string, float>[][] expected = [ServedModels.Transform(ServedModels.First, rows), ServedModels.Transform(ServedModels.Second, rows)];
        await server.StartAsync(Forever);
        using var done = new CancellationTokenSource();
        var clients = Enumerable.Range(0, 4).Select(client => Task.Run(async () =>
        {
            List<(int Row, Prediction Answer)> answers = [];
            for (var i = client; !done.IsCancellationRequested; i = (i + 1) % rows.Length)
            {
                answers.Add((i, await server.PredictAsync(rows[i])));
            }

            return answers;
        })).ToArray();

        for (var swap = 0; swap < 4; swap++)
        {
            server.Install(Load(swap % 2 == 0 ? ServedModels.Second : ServedModels.First));
            await server.PredictAsync(rows[0]);
        }

        await done.CancelAsync();
        var all = (await Task.WhenAll(clients)).SelectMany(answers => answers).ToArray();
        Assert.IsTrue(all.All(item => ServedModels.Agrees(item.Answer, expected[(item.Answer.ModelVersion - 1) % 2][item.Row])));
        Assert.AreEqual(5, server.Version);
        await StopAsync(server);
    }

    [TestMethod]
    public async Task PredictAsync_ModelCannotScore_FailsThatBatchOnly()
    {
        var (server, _) = Create(new ModelOptions());
        await server.StartAsync(Forever);
        var broken = Load(ServedModels.Second);
        broken.Dispose();
        server.Install(broken);

        await Assert.ThrowsExactlyAsync<ObjectDisposedException>(() => server.PredictAsync(ServedModels.Review("one")));

        server.Install(Load(ServedModels.First));
        await server.PredictAsync(ServedModels.Review("one"));
        await StopAsync(server);
    }

    private static LoadedModel<ReviewModel.ModelInput> Load(string path) =>
        LoadedModel<ReviewModel.ModelInput>.Load(path, ServedModels.Review("An example."));

    private static (ModelServer<ReviewModel.ModelInput> Server, ServiceMetrics Metrics) Create(ModelOptions options)
    {
        var factory = new ServiceCollection().AddMetrics().BuildServiceProvider().GetRequiredService<IMeterFactory>();
        var metrics = new ServiceMetrics(factory);
        var server = new ModelServer<ReviewModel.ModelInput>("Text", options, metrics, NullLogger<ModelServer<ReviewModel.ModelInput>>.Instance);
        server.Install(Load(ServedModels.First));
        return (server, metrics);
    }

    private static async Task StopAsync(ModelServer<ReviewModel.ModelInput> server)
    {
        await server.StopAsync(Forever);
        server.Dispose();
    }
}
