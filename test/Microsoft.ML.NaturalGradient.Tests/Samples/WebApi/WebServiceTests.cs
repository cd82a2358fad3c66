using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Samples;
using WebApiSample;

namespace Microsoft.ML.NaturalGradient.Tests.Samples.WebApi;

[TestClass]
public sealed class WebServiceTests
{
    private static WebServiceFactory _service = null!;
    private static HttpClient _client = null!;

    [ClassInitialize]
    public static async Task Start(TestContext context)
    {
        _service = await WebServiceFactory.StartAsync();
        _client = _service.CreateClient();
    }

    [ClassCleanup]
    public static async Task Stop()
    {
        _client.Dispose();
        await _service.DisposeAsync();
    }

    [TestMethod]
    public async Task PredictText_ManyAtOnce_ScoresOfTransform()
    {
        var answers = await Task.WhenAll(ServedModels.Sentences.Select(text => PredictAsync(_client, text)));

        var expected = ServedModels.Transform(ServedModels.First, [.. ServedModels.Sentences.Select(ServedModels.Review)]);
        Assert.IsTrue(answers.Zip(expected).All(pair => ServedModels.Agrees(pair.First, pair.Second)));
        Assert.IsTrue(answers.All(answer => answer.PredictedLabel == answer.Classes[0].Name && answer.Classes[0].Probability >= answer.Classes[1].Probability));
    }

    [TestMethod]
    public async Task PredictPicture_ManyAtOnce_ScoresOfTransform()
    {
        var pictures = ServedModels.PictureFiles.Select(file => new PictureModel.ModelInput { ImageSource = File.ReadAllBytes(file) }).ToArray();

        var answers = await Task.WhenAll(pictures.Select(async picture =>
        {
            using var response = await PostPictureAsync(picture.ImageSource);
            return await response.Content.ReadFromJsonAsync<Prediction>();
        }));

        var expected = ServedModels.Transform(ServedModels.Pictures, pictures);
        Assert.IsTrue(answers.Zip(expected).All(pair => ServedModels.Agrees(pair.First!, pair.Second)));
    }

    [TestMethod]
    [DataRow("""{"text":""}""")]
    [DataRow("""{"text":"  \n "}""")]
    [DataRow("""{"text":null}""")]
    [DataRow("{}")]
    [DataRow("{")]
    [DataRow("")]
    public async Task PredictText_NoText_IsBadRequest(string body)
    {
        using var response = await PostTextAsync(body);

        Assert.AreEqual(HttpStatusCode.BadRequest, response.StatusCode);
    }

    [TestMethod]
    [DataRow(10_000, HttpStatusCode.OK)]
    [DataRow(10_001, HttpStatusCode.BadRequest)]
    [DataRow(100_000, HttpStatusCode.RequestEntityTooLarge)]
    public async Task PredictText_LongText_HasALimit(int length, HttpStatusCode expected)
    {
        using var response = await PostTextAsync(JsonSerializer.Serialize(new { text = new string('a', length) }));

        Assert.AreEqual(expected, response.StatusCode);
    }

    [TestMethod]
    [DataRow("\\u0000")]
    [DataRow("\\ud83d\\ude00 مرحبا 你好")]
    public async Task PredictText_UnusualCharacters_IsAnswered(string text)
    {
        using var response = await PostTextAsync($"{{\"text\":\"{text}\"}}");

        Assert.AreEqual(HttpStatusCode.OK, response.StatusCode);
    }

    [TestMethod]
    public async Task PredictPicture_NoPicture_IsBadRequestAndTheNextIsAnswered()
    {
        using var response = await PostPictureAsync("no picture"u8.ToArray());
        using var empty = await PostPictureAsync([]);
        using var truncated = await PostPictureAsync(File.ReadAllBytes(ServedModels.PictureFiles[0])[..60]);
        using var picture = await PostPictureAsync(File.ReadAllBytes(ServedModels.PictureFiles[0]));

        Assert.AreEqual(HttpStatusCode.BadRequest, response.StatusCode);
        StringAssert.Contains(await response.Content.ReadAsStringAsync(), "no picture that can be read");
        Assert.AreEqual(HttpStatusCode.BadRequest, empty.StatusCode);
        Assert.AreEqual(HttpStatusCode.BadRequest, truncated.StatusCode);
        Assert.AreEqual(HttpStatusCode.OK, picture.StatusCode);
    }

    [TestMethod]
    public async Task PredictPicture_TooLargeOrOfAnotherType_IsRefused()
    {
        using var large = await PostPictureAsync(new byte[(5 * 1024 * 1024) + 1]);
        using var other = await PostPictureAsync([1], "text/html");

        Assert.AreEqual(HttpStatusCode.RequestEntityTooLarge, large.StatusCode);
        Assert.AreEqual(HttpStatusCode.UnsupportedMediaType, other.StatusCode);
    }

    [TestMethod]
    public async Task PredictText_ClientGoesAway_ServiceGoesOn()
    {
        using var source = new CancellationTokenSource(1);
        try
        {
            (await _client.PostAsJsonAsync("/predict/text", new TextRequest("one"), source.Token)).Dispose();
        }
        catch (OperationCanceledException)
        {
            // unless the answer was faster
        }

        Assert.AreEqual(2, (await PredictAsync(_client, "two")).Classes.Count);
    }

    [TestMethod]
    public async Task Get_PageAndDescriptions_AreServed()
    {
        StringAssert.Contains(await _client.GetStringAsync("/"), "Drop a picture here");
        Assert.AreEqual("Healthy", await _client.GetStringAsync("/health/live"));
        Assert.AreEqual("Healthy", await _client.GetStringAsync("/health/ready"));
        var description = await _client.GetFromJsonAsync<JsonElement>("/openapi/v1.json");
        Assert.AreEqual(10_000, description.GetProperty("components").GetProperty("schemas").GetProperty("TextRequest")
            .GetProperty("properties").GetProperty("text").GetProperty("maxLength").GetInt32());
        Assert.IsTrue(description.GetProperty("paths").GetProperty("/predict/picture").GetProperty("post")
            .GetProperty("requestBody").GetProperty("content").TryGetProperty("image/png", out _));
        var models = await _client.GetFromJsonAsync<JsonElement>("/models");
        Assert.AreEqual(2, models.GetArrayLength());
    }

    [TestMethod]
    public async Task Metrics_AfterRequests_CountThem()
    {
        await using var service = await WebServiceFactory.StartAsync();
        using var client = service.CreateClient();

        await PredictAsync(client, "one");
        await PredictAsync(client, "two");

        var text = await client.GetStringAsync("/metrics");
        StringAssert.Contains(text, "# TYPE predictions_total counter\npredictions_total{model=\"Text\",outcome=\"answered\"} 2\n");
        StringAssert.Contains(text, "prediction_seconds_bucket{model=\"Text\",le=\"+Inf\"} 2\n");
        StringAssert.Contains(text, "model_loads_total{model=\"Picture\",outcome=\"loaded\"} 1\n");
        StringAssert.Contains(text, "waiting_requests{model=\"Text\"} 0\n");
    }

    [TestMethod]
    public async Task ModelFile_BrokenThenReplaced_OldModelGoesOnUntilTheNewOne()
    {
        var file = ServedModels.Copy(ServedModels.First);
        await using var service = await WebServiceFactory.StartAsync(("Models:Text:Path", file));
        using var client = service.CreateClient();
        var first = await PredictAsync(client, "good");

        await ReplaceAndWaitAsync(service, file, ServedModels.Pictures, refused: 1); // a model, but of pictures
        var garbage = ServedModels.NewPath();
        await File.WriteAllTextAsync(garbage, "no model");
        await ReplaceAndWaitAsync(service, file, garbage, refused: 2);
        var during = await PredictAsync(client, "good");
        ServedModels.Replace(file, ServedModels.Second);
        var after = during;
        while (after.ModelVersion == 1)
        {
            after = await PredictAsync(client, "good");
        }

        Assert.AreEqual(1, during.ModelVersion);
        Assert.IsTrue(first.Classes.SequenceEqual(during.Classes));
        Assert.IsTrue(ServedModels.Agrees(after, ServedModels.Transform(ServedModels.Second, [ServedModels.Review("good")])[0]));
    }

    [TestMethod]
    public async Task PredictText_NoModelYet_IsUnavailableUntilItIsThere()
    {
        var file = ServedModels.NewPath();
        await File.WriteAllTextAsync(file, "no model"); // a file that is not there would be trained
        await using var service = WebServiceFactory.Start(("Models:Text:Path", file), ("Models:Picture:Path", ServedModels.Pictures));
        using var client = service.CreateClient();

        using var response = await client.PostAsJsonAsync("/predict/text", new TextRequest("one"));
        using var ready = await client.GetAsync("/health/ready");
        ServedModels.Replace(file, ServedModels.First);
        while ((await client.GetAsync("/health/ready")).StatusCode != HttpStatusCode.OK)
        {
            await Task.Delay(20);
        }

        Assert.AreEqual(HttpStatusCode.ServiceUnavailable, response.StatusCode);
        Assert.AreEqual(TimeSpan.FromSeconds(1), response.Headers.RetryAfter?.Delta);
        Assert.AreEqual(HttpStatusCode.ServiceUnavailable, ready.StatusCode);
        Assert.AreEqual(1, (await PredictAsync(client, "one")).ModelVersion);
    }

    [TestMethod]
    public async Task Stop_RequestsWait_AreAnsweredFirst()
    {
        var service = await WebServiceFactory.StartAsync(("Models:Text:MaxWaitMilliseconds", "500"));
        using var client = service.CreateClient();
        var server = service.Services.GetRequiredService<ModelServer<ReviewModel.ModelInput>>();
        var answer = PredictAsync(client, "one");
        var metrics = service.Services.GetRequiredService<MetricsText>();
        await Task.Delay(100); // the request waits for others now

        await service.Services.GetRequiredService<IHost>().StopAsync();

        Assert.AreEqual(1, (await answer).ModelVersion);
        StringAssert.Contains(metrics.ToString(), "outcome=\"answered\"} 1\n");
        await service.DisposeAsync();
    }

    [TestMethod]
    [DataRow("--Models:Text:MaxBatchSize=0", "MaxBatchSize")]
    [DataRow("--Models:Text:MaxBatchSize=x", "Models:Text:MaxBatchSize")]
    [DataRow("--Models:Picture:Path=", "Path")]
    [DataRow("--urls=localhost", "localhost")]
    [DataRow("--urls=http://localhost:5080;http://localhost:65536", "65536")]
    public async Task CheckSettings_ValueThatIsNone_SaysWhich(string setting, string expected)
    {
        await using var app = WebService.Create(setting);

        var exception = Assert.ThrowsExactly<UsageException>(() => WebService.CheckSettings(app));

        StringAssert.Contains(exception.Message, expected);
    }

    [TestMethod]
    [DataRow("--requests", "abc")]
    [DataRow("--clients", "0")]
    [DataRow("--clients")]
    [DataRow("--Models:Text:Path", "other.zip")]
    public void Parse_LoadWithWrongArgument_IsRefused(params string[] arguments) =>
        Assert.ThrowsExactly<UsageException>(() => WebApiSample.CommandLine.Parse(["load", .. arguments]));

    [TestMethod]
    public void Parse_SettingsOfAllForms_AreTaken()
    {
        var command = WebApiSample.CommandLine.Parse(["--quick", "--urls", "http://localhost:1", "--models:text:queueLength=3", "--Logging:LogLevel:Microsoft.AspNetCore", "None"])!;

        Assert.IsTrue(command is { IsLoad: false, Quick: true, Onnx: false });
        CollectionAssert.AreEqual(new[] { "--urls=http://localhost:1", "--models:text:queueLength=3", "--Logging:LogLevel:Microsoft.AspNetCore=None" }, command.Settings);
    }

    private static async Task ReplaceAndWaitAsync(WebServiceFactory service, string file, string by, int refused)
    {
        ServedModels.Replace(file, by);
        var metrics = service.Services.GetRequiredService<MetricsText>();
        while (!metrics.ToString().Contains($"model_loads_total{{model=\"Text\",outcome=\"refused\"}} {refused}\n", StringComparison.Ordinal))
        {
            await Task.Delay(20);
        }
    }

    private static async Task<Prediction> PredictAsync(HttpClient client, string text)
    {
        using var response = await client.PostAsJsonAsync("/predict/text", new TextRequest(text));
        response.EnsureSuccessStatusCode();
        return (await response.Content.ReadFromJsonAsync<Prediction>())!;
    }

    private static Task<HttpResponseMessage> PostTextAsync(string json) =>
        _client.PostAsync("/predict/text", new StringContent(json, Encoding.UTF8, "application/json"));

    private static Task<HttpResponseMessage> PostPictureAsync(byte[] bytes, string type = "image/png") => _client.SendAsync(new(HttpMethod.Post, "/predict/picture")
    {
        Content = new ByteArrayContent(bytes) { Headers = { ContentType = new(type) } },
        Headers = { ExpectContinue = true }, // an answer may come before the body is sent
    });
}
