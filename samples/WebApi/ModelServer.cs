using System.Collections.Concurrent;
using System.Diagnostics;

namespace WebApiSample;

/// <summary>Answers requests with one model: those that come within a few milliseconds go through the network together.</summary>
/// <remarks>
/// One thread of its own takes requests from a bounded queue and scores, so that the threads of the web server never compute. It is the only one that
/// scores: a model that was swapped out is therefore idle, and can be disposed, as soon as the batch that runs has ended.
/// </remarks>
internal sealed class ModelServer<TInput>(string name, ModelOptions options, ServiceMetrics metrics, ILogger<ModelServer<TInput>> logger)
    : IHostedService, IServedModel, IDisposable
    where TInput : class
{
    private readonly BlockingCollection<WaitingRequest> _queue = new(options.QueueLength);
    private readonly Lock _scoring = new(); // held while the model is used or exchanged
    private volatile LoadedModel<TInput>? _model;
    private volatile bool _isAbandoned;
    private int _version;
    private Task _worker = Task.CompletedTask;

    public string Name => name;

    public int Version => _version;

    /// <summary>Forward passes so far.</summary>
    public int Batches { get; private set; }

    public IReadOnlyList<string>? ClassNames => _model?.ClassNames;

    /// <summary>Scores one row, together with others that come at about the same time.</summary>
    /// <param name="input">The row.</param>
    /// <param name="cancellationToken">Takes the request out of the queue; a batch that runs already goes on.</param>
    /// <exception cref="ModelUnavailableException">Too many requests wait, there is no model, or the service stops.</exception>
    /// <exception cref="UnreadableInputException">The model cannot read this row.</exception>
    public async Task<Prediction> PredictAsync(TInput input, CancellationToken cancellationToken = default)
    {
        var started = Stopwatch.GetTimestamp();
        var outcome = "failed";
        try
        {
            var request = new WaitingRequest(input);
            await using var registration = cancellationToken.UnsafeRegister(
                static (state, token) => ((WaitingRequest)state!).Answer.TrySetCanceled(token), request);
            Enqueue(request);
            var prediction = await request.Answer.Task;
            outcome = "answered";
            return prediction;
        }
        catch (Exception exception)
        {
            outcome = exception switch
            {
                OperationCanceledException => "cancelled",
                ModelUnavailableException => "rejected",
                UnreadableInputException => "unreadable",
                _ => outcome,
            };
            throw;
        }
        finally
        {
            metrics.Requested(name, outcome, Stopwatch.GetElapsedTime(started));
        }
    }

    /// <summary>Serves with another model from the next batch on, and disposes the one before when its last batch has ended.</summary>
    /// <param name="next">The model; owned by this object from now on.</param>
    public void Install(LoadedModel<TInput> next)
    {
        LoadedModel<TInput>? last;
        lock (_scoring)
        {
            (last, _model) = (_model, next);
            _version++;
        }

        last?.Dispose();
    }

    public Task StartAsync(CancellationToken cancellationToken)
    {
        metrics.ObserveWaiting(name, () => _queue.Count);
        _worker = Task.Factory.StartNew(Work, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        return Task.CompletedTask;
    }

    /// <summary>Takes no more requests and answers those that wait, as long as there is time.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (_worker.IsCompleted)
        {
            return; // a second time
        }

        _queue.CompleteAdding();
        try
        {
            await _worker.WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            _isAbandoned = true; // those that still wait get their 503 at once
            await _worker;
        }
    }

    public void Dispose()
    {
        lock (_scoring)
        {
            _model?.Dispose();
            _model = null;
        }

        _queue.Dispose();
    }

    private void Enqueue(WaitingRequest request)
    {
        if (_model is null)
        {
            throw new ModelUnavailableException($"The model \"{name}\" is not loaded yet. Look at the log of the service.");
        }

        try
        {
            if (!_queue.TryAdd(request))
            {
                throw new ModelUnavailableException("Too many requests wait. Try again in a second.");
            }
        }
        catch (InvalidOperationException) // after CompleteAdding
        {
            throw new ModelUnavailableException("The service stops.");
        }
    }

    private void Work()
    {
        foreach (var first in _queue.GetConsumingEnumerable())
        {
            var batch = CollectBatch(first);
            batch.RemoveAll(request => request.Answer.Task.IsCompleted); // cancelled while waiting
            if (batch.Count > 0)
            {
                Answer(batch);
            }
        }
    }

    private List<WaitingRequest> CollectBatch(WaitingRequest first)
    {
        List<WaitingRequest> batch = [first];
        var started = Stopwatch.GetTimestamp();
        while (batch.Count < options.MaxBatchSize)
        {
            var left = options.MaxWaitMilliseconds - (int)Stopwatch.GetElapsedTime(started).TotalMilliseconds;
            if (!_queue.TryTake(out var next, Math.Max(0, left)))
            {
                break;
            }

            batch.Add(next);
        }

        return batch;
    }

    private void Answer(List<WaitingRequest> batch)
    {
        if (_isAbandoned)
        {
            batch.ForEach(request => request.Answer.TrySetException(new ModelUnavailableException("The service stops.")));
            return;
        }

        try
        {
            metrics.Scoring(name, batch.Count);
            Batches++;
            IReadOnlyList<float[]> scores;
            LoadedModel<TInput> model;
            int version;
            lock (_scoring)
            {
                (model, version) = (_model!, _version);
                scores = model.Score([.. batch.Select(request => request.Input)]);
            }

            foreach (var (request, probabilities) in batch.Zip(scores))
            {
                if (probabilities.Any(float.IsNaN))
                {
                    request.Answer.TrySetException(new UnreadableInputException());
                }
                else
                {
                    request.Answer.TrySetResult(Prediction.Create(model.ClassNames, probabilities, version));
                }
            }
        }
        catch (Exception exception) // whatever it is: the requests get it, and the service goes on
        {
            logger.LogError(exception, "Scoring {Count} requests with the model {Model} failed.", batch.Count, name);
            batch.ForEach(request => request.Answer.TrySetException(exception));
        }
    }

    private sealed class WaitingRequest(TInput input)
    {
        public TInput Input => input;

        /// <summary>Completed by the scoring thread, which must not run what comes after it.</summary>
        public TaskCompletionSource<Prediction> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
