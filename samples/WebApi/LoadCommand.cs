using System.Diagnostics;

namespace WebApiSample;

/// <summary>Measures the service over HTTP on this machine: throughput with and without batches, times of answers, memory, while models are swapped.</summary>
internal static class LoadCommand
{
    private const int SwapMilliseconds = 4000;
    private const int DistinctSentences = 200;
    private const float Tolerance = 1e-4F; // sums of another order in batches of another size

    /// <summary>Runs the load and prints the figures.</summary>
    /// <returns>0 if every request was answered, and as one of the models answers by itself.</returns>
    public static async Task<int> RunAsync(CommandLine command)
    {
        var (requests, clients) = (command.Requests ?? (command.Quick ? 200 : 2000), command.Clients ?? 8);
        await using (var trial = WebService.Create(command.Settings))
        {
            WebService.CheckSettings(trial);
        }

        var folder = Directory.CreateTempSubdirectory("web-load-").FullName;
        try
        {
            string[] files = [Path.Combine(folder, "first.zip"), Path.Combine(folder, "second.zip")];
            Console.WriteLine("Training two models ...");
            Training.TrainReviews(files[0], quick: true, seed: 1, command.Onnx);
            Training.TrainReviews(files[1], quick: true, seed: 2, command.Onnx);
            var served = Path.Combine(folder, "served.zip");
            File.Copy(files[0], served);

            var sentences = File.ReadLines(Path.Combine(AppContext.BaseDirectory, "Data", "reviews.tsv")).Skip(1)
                .Select(line => line.Split('\t')[2]).Take(DistinctSentences).ToArray();
            var expected = files.Select(file => Expected(file, sentences)).ToArray();

            var single = await MeasureAsync("one at a time", served, sentences, expected, requests, clients, swaps: null,
                "--Models:Text:MaxBatchSize", "1", "--Models:Text:MaxWaitMilliseconds", "0");
            var batched = await MeasureAsync("in batches", served, sentences, expected, requests, clients, swaps: null, command.Settings);
            var swapping = await MeasureAsync("in batches, swaps", served, sentences, expected, requests, clients, files, command.Settings);
            Console.WriteLine($"throughput in batches ÷ one at a time: {batched.Rate / single.Rate:F2}; with swaps: {swapping.Rate / single.Rate:F2}");
            return single.Errors + batched.Errors + swapping.Errors == 0 ? 0 : 1;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<(double Rate, int Errors)> MeasureAsync(
        string title, string served, string[] sentences, Dictionary<string, float>[][] expected, int requests, int clients, string[]? swaps, params string[] options)
    {
        await using var app = WebService.Create(
            ["--urls", "http://127.0.0.1:0", "--Models:Text:Path", served, "--Models:Text:WatchMilliseconds", "100", "--Models:Picture:Path", "none.zip",
                "--Logging:LogLevel:Default", "None", .. options]);
        await app.StartAsync();
        var model = app.Services.GetRequiredService<ModelServer<ReviewModel.ModelInput>>();
        while (model.ClassNames is null)
        {
            await Task.Delay(50);
        }

        using var http = new HttpClient { BaseAddress = new Uri(app.Urls.Single()) };
        await SendAsync(http, sentences, expected, Math.Min(requests, 100), clients); // warms up
        var warm = model.Batches;
        var before = Environment.WorkingSet;
        var (watch, processor) = (Stopwatch.StartNew(), Environment.CpuUsage.TotalTime);
        using var done = new CancellationTokenSource();
        var swapping = swaps is null ? Task.CompletedTask : SwapAsync(swaps, served, done.Token);
        var (times, errors, difference) = await SendAsync(http, sentences, expected, requests, clients);
        var seconds = watch.Elapsed.TotalSeconds;
        processor = Environment.CpuUsage.TotalTime - processor;
        var counts = (Requests: requests, Batches: model.Batches - warm);
        await done.CancelAsync();
        await swapping;
        Array.Sort(times);
        Console.WriteLine(
            $"{title}: {requests} requests of {clients} clients, {errors} errors, {model.Version - 1} swaps; {(double)counts.Requests / counts.Batches:F1} requests a batch; {requests / seconds:F0} requests/s, median {times[times.Length / 2]:F1} ms, "
            + $"p99 {times[(int)(0.99 * times.Length)]:F1} ms, {processor.TotalMilliseconds / requests:F1} ms of processor time for each; memory {before / 1e6:F0} → {Environment.WorkingSet / 1e6:F0} MB; largest difference to the model's own scores {difference:E1}");
        await app.StopAsync();
        return (requests / seconds, errors);
    }

    private static async Task<(double[] Times, int Errors, float Difference)> SendAsync(
        HttpClient http, string[] sentences, Dictionary<string, float>[][] expected, int requests, int clients)
    {
        var times = new double[requests];
        var (next, errors) = (-1, 0);
        var largest = new float[clients];
        await Task.WhenAll(Enumerable.Range(0, clients).Select(client => Task.Run(async () =>
        {
            for (var i = Interlocked.Increment(ref next); i < requests; i = Interlocked.Increment(ref next))
            {
                var started = Stopwatch.GetTimestamp();
                using var response = await http.PostAsJsonAsync("/predict/text", new TextRequest(sentences[i % sentences.Length]));
                var answer = response.IsSuccessStatusCode ? await response.Content.ReadFromJsonAsync<Prediction>() : null;
                times[i] = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
                var difference = answer is null ? float.PositiveInfinity : expected.Min(model => Difference(answer, model[i % sentences.Length]));
                largest[client] = Math.Max(largest[client], difference);
                if (difference > Tolerance)
                {
                    Interlocked.Increment(ref errors);
                }
            }
        })));
        return (times, errors, largest.Max());
    }

    /// <summary>Puts the models into the served file in turn, whole, as a deployment should.</summary>
    private static async Task SwapAsync(string[] files, string served, CancellationToken done)
    {
        for (var i = 1; !done.IsCancellationRequested; i++)
        {
            var copy = served + ".new";
            File.Copy(files[i % files.Length], copy, overwrite: true);
            File.SetLastWriteTimeUtc(copy, DateTime.UtcNow); // a copy has the time of its original
            File.Move(copy, served, overwrite: true);
            await Task.Delay(SwapMilliseconds, done).ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        }
    }

    private static Dictionary<string, float>[] Expected(string file, string[] sentences)
    {
        using var model = LoadedModel<ReviewModel.ModelInput>.Load(file, new ReviewModel.ModelInput { Text = "An example." });
        return [.. model.Score([.. sentences.Select(text => new ReviewModel.ModelInput { Text = text })])
            .Select(scores => model.ClassNames.Zip(scores).ToDictionary(pair => pair.First, pair => pair.Second))];
    }

    private static float Difference(Prediction answer, Dictionary<string, float> scores) =>
        answer.Classes.Max(item => Math.Abs(item.Probability - scores[item.Name]));
}
