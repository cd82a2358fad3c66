namespace Microsoft.ML.NaturalGradient.Tests.Stress;

/// <summary>A thread that allocates and collects garbage until it is disposed: what other threads do not keep alive, it finalises in mid-call.</summary>
internal sealed class CollectingThread : IDisposable
{
    private readonly Thread _thread;
    private volatile bool _ends;

    public CollectingThread()
    {
        _thread = new Thread(Collect) { IsBackground = true };
        _thread.Start();
    }

    public void Dispose()
    {
        _ends = true;
        _thread.Join();
    }

    private void Collect()
    {
        while (!_ends)
        {
            for (var i = 0; i < 200; i++)
            {
                GC.KeepAlive(new byte[2048]);
            }

            GC.Collect(0);
            Thread.SpinWait(2000); // lets the others come to another place
        }
    }
}
