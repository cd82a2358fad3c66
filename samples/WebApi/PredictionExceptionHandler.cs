using Microsoft.AspNetCore.Diagnostics;

namespace WebApiSample;

/// <summary>Answers with the status that belongs to an exception, and its message; what is not expected stays a 500 without details.</summary>
internal sealed class PredictionExceptionHandler(IProblemDetailsService problems) : IExceptionHandler
{
    public async ValueTask<bool> TryHandleAsync(HttpContext httpContext, Exception exception, CancellationToken cancellationToken)
    {
        var response = httpContext.Response;
        switch (exception)
        {
            case OperationCanceledException when httpContext.RequestAborted.IsCancellationRequested:
                response.StatusCode = StatusCodes.Status499ClientClosedRequest; // for the log: nobody reads the answer
                return true;
            case ModelUnavailableException:
                response.StatusCode = StatusCodes.Status503ServiceUnavailable;
                response.Headers.RetryAfter = "1";
                break;
            case UnreadableInputException:
                response.StatusCode = StatusCodes.Status400BadRequest;
                break;
            case BadHttpRequestException bad: // such as a body that is too large
                response.StatusCode = bad.StatusCode;
                break;
            default:
                return false;
        }

        await problems.WriteAsync(new() { HttpContext = httpContext, ProblemDetails = { Status = response.StatusCode, Detail = exception.Message } });
        return true;
    }
}
